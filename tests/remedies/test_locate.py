from dataclasses import replace

import pytest

from descend.doctor.codemod.line_mapping import map_token_end, split_lines
from descend.doctor.codemod.locate import locate, locate_site
from descend.doctor.record import Record, Site
from descend.doctor.remedies import NotApplicable
from descend.doctor.script.script import Script


def found(patient, kind: str = "optimizer") -> str:
    place = locate(patient.script, patient.record, kind)
    return place.syntax.code(place.call)


def edited(patient, text: str):
    return replace(patient, script=patient.script.edit(patient.script.path, text))


CHAIN = "a.b(1).c(f(2),\n      é='ü').d()\n"


@pytest.mark.parametrize("call", ["a.b(1)", "a.b(1).c(", "a.b(1).c(f(2),\n      é='ü').d()", "f(2)"])
@pytest.mark.parametrize("with_end", [True, False])
def test_nested_calls_are_distinguished(patient, call: str, with_end: bool) -> None:
    p = patient("x = 'ß'; " + CHAIN, optimizer=call)
    site = p.record.sites[0]
    if not with_end:
        p.record.sites[:] = [replace(site, end_line=0, end_column=0)]
    assert found(p).startswith(call) and found(p).endswith(")")
    if call != "a.b(1)":
        assert len(found(p)) > len("a.b(1)") or call == "f(2)"


@pytest.mark.parametrize(
    "text",
    [
        "import x\n" * 5 + "o = SGD(p, 1)\nq = SGD(r, 2)\n",
        "# é\nq = 3; o = SGD(p, lr=0.25); z()\nq = SGD(r, 2)\n",
        "if a:\n    o = SGD(\n        p,\n        1,\n    )\nq = SGD(r, 2)\n",
    ],
)
def test_an_edited_call_keeps_its_position(patient, text: str) -> None:
    p = edited(patient("o = SGD(p, 1)\nq = SGD(r, 2)\n", optimizer="SGD(p"), text)
    assert found(p).startswith("SGD(") and "p" in found(p)


def test_a_renamed_call_is_found_by_its_surroundings(patient) -> None:
    before = "a = f(1)\no = SGD(p, lr=1)\nfor x in y: g(x)\n"
    after = "import z\na = f(1)\no = optim.Adam(p, lr=0.001)\nnew(a)\nfor x in y: g(x); h(x)\n"
    assert found(edited(patient(before, optimizer="SGD("), after)) == "optim.Adam(p, lr=0.001)"


def test_a_removed_call_is_reported(patient) -> None:
    p = edited(patient("o = SGD(p)\n", optimizer="SGD("), "o = None\n")
    with pytest.raises(NotApplicable, match="^line 1 was changed by an earlier edit$"):
        locate(p.script, p.record, "optimizer")


def test_only_files_of_the_user_are_edited(patient, tmp_path) -> None:
    p = patient("o = SGD(p)\n", optimizer="SGD(")
    for file in ("/elsewhere/fit.py", str(tmp_path / ".venv/lib/site-packages/fit.py")):
        with pytest.raises(NotApplicable, match=f"^the optimizer is in a library, at {file}:1$"):
            locate_site(p.script, replace(p.record.sites[0], file=file))
    with pytest.raises(NotApplicable, match="not a file"):
        locate_site(p.script, replace(p.record.sites[0], file=str(tmp_path / "gone.py")))


def test_a_site_that_the_run_did_not_record_is_reported(tmp_path) -> None:
    with pytest.raises(NotApplicable, match="^the run did not show where the optimizer's step is in the source$"):
        locate(Script(tmp_path / "a.py", tmp_path), Record(), "step", "0")


def test_a_wrong_site_matches_no_call(patient) -> None:
    p = patient("o = SGD(p)\n", optimizer="SGD(")
    for line, column in ((1, 3), (9, 1)):
        site = Site("optimizer", "0", str(p.script.path), 1, 0, line, column)
        with pytest.raises(NotApplicable):
            locate_site(p.script, site)


def test_a_file_in_another_encoding_is_read(patient, tmp_path) -> None:
    p = patient("# coding: latin-1\no = SGD(p, 'e')\n", optimizer="SGD(")
    p.script.path.write_bytes("# coding: latin-1\no = SGD(p, 'é')\n".encode("latin-1"))
    site = replace(p.record.sites[0], end_column=p.record.sites[0].end_column + 1)
    place = locate_site(p.script, site)
    assert place.syntax.code(place.call) == "SGD(p, 'é')"


def test_lines_are_split_as_by_python() -> None:
    text = "a\x0cb\x1c\u2028c\r\nd\re\n\nf"
    assert split_lines(text) == ["a\x0cb\x1c\u2028c\r\n", "d\r", "e\n", "\n", "f"]


@pytest.mark.parametrize(
    ("before", "after", "position", "carried"),
    [
        ("a\nb()\n", "x\na\nb()\n", (2, 3), (3, 3)),
        ("a\nb(1)\n", "a\nb(25)\n", (2, 4), (2, 5)),
        ("a = f(1)\nb(x)\n", "a = f(22)\nc(1)\nb(x, y=2)\n", (2, 4), (3, 9)),
        ("a\nb()\n", "a\n", (2, 3), None),
        ("a\nb()\n", "a\nc\n", (2, 3), None),
    ],
)
def test_positions_are_mapped_across_an_edit(before: str, after: str, position, carried) -> None:
    assert map_token_end(before, after, position) == carried
