"""Hidden units are added, in each form in which a chain of layers is written."""

import ast
from dataclasses import replace

import pytest

from descend.doctor.record import Site
from descend.doctor.remedies.widen import widen

CHAINS = {
    "numbers in each call": (
        "net = Sequential(Linear(2, 2), Tanh(), Linear(2, 2), Tanh(), Linear(2, 1))\n",
        "net = Sequential(Linear(2, 16), Tanh(), Linear(16, 16), Tanh(), Linear(16, 1))\n",
    ),
    "one name": (
        "width = 2\na = Linear(2, width)\nb = Linear(width, width)\nc = Linear(width, 1)\nprint(width)\n",
        "width = 16\na = Linear(2, width)\nb = Linear(width, width)\nc = Linear(width, 1)\nprint(width)\n",
    ),
    "a parameter": (
        "def net(k=2):\n    return Sequential(Linear(2, k), Linear(k, k, bias=False), Linear(k, 1))\n",
        "def net(k=2):\n    return Sequential(Linear(2, 16), Linear(16, 16, bias=False), Linear(16, 1))\n",
    ),
    "by keyword": (
        "a = Linear(in_features=4, out_features=3)\nb = Linear(3, out_features=2)\n"
        "c = Linear(bias=True, in_features=2)\n",
        "a = Linear(in_features=4, out_features=16)\nb = Linear(16, out_features=16)\n"
        "c = Linear(bias=True, in_features=16)\n",
    ),
}


def chain(patient, text: str, names: tuple[str, ...] = ("a", "b", "c")):
    """Return a script whose calls of `Linear` make the layers of these names, in the order of the source."""
    p = patient(text, linear__0="Linear(")
    file = p.record.sites.pop().file
    calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and ast.unparse(n.func).endswith("Linear")]
    calls.sort(key=lambda n: (n.lineno, n.col_offset))
    for i, name in enumerate(names):
        n = calls[min(i, len(calls) - 1)]
        p.record.sites.append(
            Site("linear", name, file, n.lineno, n.col_offset, n.end_lineno, n.end_col_offset, detail="Linear")
        )
    return p, {"layers": list(names), "narrow": list(names[:-1]), "units": 16}


@pytest.mark.parametrize("case", CHAINS)
def test_all_hidden_layers_are_widened(patient, case: str) -> None:
    before, after = CHAINS[case]
    p, arguments = chain(patient, before)
    assert p.edited(widen, **arguments) == after


def test_only_narrow_layers_are_widened(patient) -> None:
    p, arguments = chain(patient, "net = Sequential(Linear(8, 64), Linear(64, 2), Linear(2, 5))\n")
    after = "net = Sequential(Linear(8, 64), Linear(64, 16), Linear(16, 5))\n"
    assert p.edited(widen, **{**arguments, "narrow": ["b"]}) == after


def test_a_width_that_a_loop_passes_on_is_changed(patient) -> None:
    text = (
        "width, last = 2, 2\nfor _ in range(2):\n    layers.append(Linear(last, width))\n    last = width\n"
        "out = Linear(last, 1)\n"
    )
    p, arguments = chain(patient, text, ("a", "c"))
    p.record.sites.insert(1, replace(p.record.sites[0], key="b"))  # the loop makes both layers at one place
    assert p.edited(widen, **{**arguments, "layers": ["a", "b", "c"], "narrow": ["a", "b"]}) == text.replace(
        "2, 2", "16, 2"
    )


def test_layers_made_by_one_call_are_refused(patient) -> None:
    text = "net = [Linear(a, b) for a, b in pairwise(sizes)]\n"
    p, arguments = chain(patient, text)
    assert "also creates wide layers" in p.refusal(widen, **arguments)


def test_layers_made_by_a_helper_are_refused(patient) -> None:
    p, arguments = chain(patient, "a = dense(Linear(2, 2))\nb = Linear(2, 1)\n", ("a", "b"))
    p.record.sites[0] = replace(p.record.sites[0], end_column=len("a = dense(Linear(2, 2))"))
    assert "only indirectly" in p.refusal(widen, **arguments)
