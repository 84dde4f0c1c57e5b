"""Parsing unified diffs."""

from descend.doctor.report.unified_diff import read_diff, summarise_diff
from descend.doctor.script.script import Script


def test_added_and_removed_lines_are_distinguished_from_headers(tmp_path):
    path = tmp_path / "train.py"
    path.write_text("-- a comment in another language\nlr = 0.5\nx = 1\n")
    patch = Script(path, tmp_path).edit(path, "++ odd\nlr = 0.09\nx = 1\n").diff()
    kinds = [line.kind for line in read_diff(patch)]
    assert kinds == ["file", "file", "hunk", "removed", "removed", "added", "added", "context"]
    assert summarise_diff(patch) == "train.py, +2 −2 lines"


def test_the_parsed_lines_are_those_of_the_patch(tmp_path):
    path = tmp_path / "train.py"
    path.write_text("".join(f"a{i} = {i}\n" for i in range(40)))
    patch = Script(path, tmp_path).edit(path, path.read_text().replace("3\n", "4\n") + "end").diff()
    assert "".join(line.text + "\n" for line in read_diff(patch)) == patch
    assert "\\ No newline at end of file" in patch
    assert sum(line.kind == "hunk" for line in read_diff(patch)) == 4


def test_several_files_are_all_named(tmp_path):
    script = Script(tmp_path / "a.py", tmp_path)
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("x = 1\n")
        script = script.edit(tmp_path / name, "x = 1\ny = 2\n")
    assert summarise_diff(script.diff()) == "a.py, b.py, +2 lines"


def test_a_single_changed_line_is_singular(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("x = 1\ny = 2\n")
    assert summarise_diff(Script(path, tmp_path).edit(path, "x = 1\n").diff()) == "a.py, −1 line"
