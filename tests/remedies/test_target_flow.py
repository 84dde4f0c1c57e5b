"""Statements that compute targets are found across rebinding, loops and functions."""

from pathlib import Path

import libcst as cst
import pytest

from descend.doctor.codemod.rearrangement import only_rearranges
from descend.doctor.codemod.syntax import Syntax, parse
from descend.doctor.codemod.target_flow import TargetFlow

TARGET = "target"  # the variable that is followed back from the last statement


def flow_of(text: str) -> tuple[Syntax, TargetFlow]:
    syntax = parse(Path("train.py"), f"import torch\n{text}")
    reads = [name for name in syntax.every(cst.Name) if name.value == TARGET]
    return syntax, TargetFlow(syntax, reads[-1:])


def upstream(text: str) -> list[str]:
    syntax, flow = flow_of(text)
    statements = syntax.every(cst.BaseSmallStatement)  # type: ignore[type-abstract]
    return [syntax.code(statement) for statement in statements if flow.is_upstream(statement)]


CASES = {
    "features are changed before the labels are drawn from them": (
        "x = load()\nx = x / x.norm()\ntarget = draw(x)\nuse(x, target)",
        ["x = load()", "x = x / x.norm()", "target = draw(x)"],
    ),
    "features are changed after the labels were made": (
        "x, target = load()\nx = x / x.norm()\nx -= 1\nuse(x, target)",
        ["x, target = load()"],
    ),
    "a rebinding ends what came before it": (
        "y = first()\ny = second()\ntarget = y\ny = third()\nuse(target)",
        ["y = second()", "target = y"],
    ),
    "a binding that may not run does not": (
        "y = first()\nif noisy:\n    y = second()\ntarget = y\nuse(target)",
        ["y = first()", "y = second()", "target = y"],
    ),
    "changes in place count": (
        "y = load()\ny[0] = a\ny += b\ny.clamp_(c)\nshuffle(y)\ntarget = y\nz = y\nuse(target)",
        ["y = load()", "y[0] = a", "y += b", "y.clamp_(c)", "shuffle(y)", "target = y"],
    ),
    "a loop leads back": (
        "y = load()\nfor i in range(3):\n    target = y\n    use(target)\n    y = y + 1\n    z = y",
        ["y = load()", "target = y", "y = y + 1"],
    ),
    "sizes are no values": (
        "x = load()\nx = x[:9]\nn = len(x)\ntarget = torch.zeros(n, x.shape[1], x.size(0))\nuse(target)",
        ["n = len(x)", "target = torch.zeros(n, x.shape[1], x.size(0))"],
    ),
    "of a split the target's own part counts": (
        "x, y = load()\nx = x / 2\na, b, c, target = train_test_split(x, y, test_size=0.2)\nuse(target)",
        ["x, y = load()", "a, b, c, target = train_test_split(x, y, test_size=0.2)"],
    ),
    "of a loader's batches the target's own part counts": (
        "x, y = load()\nx = x / 2\ny = y - 1\ndata = TensorDataset(x, y)\nloader = DataLoader(data, 8)\n"
        "for i, (x, target) in enumerate(loader):\n    use(x, target)",
        ["x, y = load()", "y = y - 1", "data = TensorDataset(x, y)", "loader = DataLoader(data, 8)"],
    ),
    "of a data set of one's own, too": (
        "class Rows(Dataset):\n"
        "    def __init__(self, x, y):\n        self.x = x * 2\n        self.y = y * 3\n"
        "    def __getitem__(self, i):\n        return self.x[i], self.y[i]\n"
        "a, b = load()\na = a / 2\nb = b / 2\n"
        "for x, target in DataLoader(Rows(a, b), 8):\n    use(x, target)",
        ["self.y = y * 3", "a, b = load()", "b = b / 2"],
    ),
    "of an object's parts the target's own part counts": (
        "class Rows:\n    def __init__(self, x, y):\n        self.x = x * 2\n        self.y = y * 3\n"
        "a, b = load()\na = a / 2\nrows = Rows(a, b)\ntarget = rows.y\nuse(rows.x, target)",
        ["self.y = y * 3", "a, b = load()", "target = rows.y"],
    ),
    "of a data set's tensors, too": (
        "x, y = load()\nx = x / 2\ndata = TensorDataset(x, y)\na, target = data.tensors\nuse(a, target)",
        ["x, y = load()", "data = TensorDataset(x, y)", "a, target = data.tensors"],
    ),
    "of several made alike the target's own one counts": (
        "x, y = load()\nx = x / 2\nx, target = (torch.tensor(v) for v in (x, y))\nuse(x, target)",
        ["x, y = load()", "x, target = (torch.tensor(v) for v in (x, y))"],
    ),
    "a function's parameter is what its call gives": (
        "def score(x, target):\n    x = x * 2\n    return use(x, target)\n"
        "a, b = load()\na = a / 2\nb = b.float()\nscore(a, b)\nb = 0",
        ["a, b = load()", "b = b.float()"],
    ),
    "a function's own statements count": (
        "def make(x):\n    x = x * 2\n    y = teacher(x)\n    z = x\n    return x, y\n"
        "a = load()\na = a / 2\nx, target = make(a)\nuse(x, target)",
        ["x = x * 2", "y = teacher(x)", "a = load()", "a = a / 2", "x, target = make(a)"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_statements_that_compute_targets_are_upstream(name: str) -> None:
    text, expected = CASES[name]
    assert upstream(text) == expected


def test_a_statement_keeps_target_values_if_later_ones_only_move_them() -> None:
    text = "y = load()\ny = y.flip(0)\nz = y[9:].float()\ntarget = z * 2\nw = target[order]\ntarget = w\nuse(target)"
    syntax, flow = flow_of(text)
    statements = syntax.every(cst.BaseSmallStatement)  # type: ignore[type-abstract]
    given = [syntax.code(statement) for statement in statements if flow.keeps_target_values(statement)]
    assert given == ["target = z * 2", "w = target[order]", "target = w"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("rng.shuffle(y)", True),
        ("y = np.roll(y, 1)", True),
        ("x, y = x[order], y[order]", True),
        ("y = y[::-1]", True),
        ("y = y[kept]", False),
        ("y = y + 1", False),
        ("y[0] = 1", False),
        ("y.clamp_(0)", False),
    ],
)
def test_moves_of_values_are_distinguished_from_changes(statement: str, expected: bool) -> None:
    syntax = parse(Path("train.py"), f"order = torch.randperm(9)\nkept = y > 0\n{statement}\n")
    last = syntax.every(cst.BaseSmallStatement)[-1]  # type: ignore[type-abstract]
    assert only_rearranges(syntax, last) is expected
