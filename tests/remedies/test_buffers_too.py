"""A network whose parameters average those of another also gets its buffers."""

from pathlib import Path

import pytest

from descend.doctor.codemod.parameter_averaging import parameter_averaging_loops
from descend.doctor.codemod.syntax import parse
from descend.doctor.record import Record, Site
from descend.doctor.remedies import apply_remedy
from descend.doctor.remedies.buffers_too import buffers_too
from descend.doctor.script.script import Script

LOOPS = {
    "for s, p in zip(ema.parameters(), net.parameters()):\n    s.mul_(0.9).add_(p, alpha=0.1)\n":
    "for s, p in zip(ema.buffers(), net.buffers()):\n    s.copy_(p)\n",
    "for p, s in zip(self.net.parameters(), self.ema.parameters()):\n    s.data.lerp_(p.data, 0.1)\n":
    "for p, s in zip(self.net.buffers(), self.ema.buffers()):\n    s.copy_(p)\n",
}  # fmt: skip


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_over_the_buffers_is_added(tmp_path, loop):
    path = tmp_path / "train.py"
    path.write_text(f"{loop}step()\n")
    record = Record(sites=[Site("unaveraged_buffers", "0", str(path), 1, 0, 2, len(loop.splitlines()[1]))])
    script = apply_remedy(buffers_too, Script(path, tmp_path), record, {"kind": "unaveraged_buffers", "place": "0"})
    assert script.read(path) == f"{loop}{LOOPS[loop]}step()\n"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (next(iter(LOOPS)), 1),
        (next(iter(LOOPS)) + "ema.bn.load_state_dict(net.bn.state_dict())\n", 0),
        ("for s, p in zip(a.parameters(), b.parameters()):\n    print(s, p)\n", 0),
        ("for s, p in zip(a.parameters(), grads):\n    s.sub_(p)\n", 0),
        ("for s, p in zip(a.parameters(), b.parameters()):\n    s.copy_(p)\n    p.copy_(s)\n", 0),
        ("for p in net.parameters():\n    p.mul_(0.9)\n", 0),
    ],
)
def test_only_averaging_loops_without_buffers_are_found(tmp_path, text, count):
    syntax = parse(Path(tmp_path / "train.py"), text)
    assert len(list(parameter_averaging_loops(syntax))) == count
