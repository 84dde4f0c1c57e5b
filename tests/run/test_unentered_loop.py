"""A run without any backward pass names the loop that was not entered, where its source shows one for sure."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from descend.doctor.observing.frames import SourceTree
from descend.doctor.observing.unentered_loop import unentered_loop
from descend.doctor.record import Fact, Site

MODULE = """\
batch, inputs = 32, [0.0] * 20
for epoch in range(3):
    for start in range(0, len(inputs) - batch, batch):
        loss(start).backward()
"""
NO_EPOCH = """\
for epoch in range(0):
    for start in range(3):
        loss(start).backward()
"""
FUNCTION = """\
def train_epoch(batches):
    for batch in batches:
        step(batch)

def step(batch):
    loss(batch).backward()

def main():
    for epoch in range(3):
        train_epoch([])

if __name__ in ("__main__", "script"):
    main()
"""
CONDITION = """\
import sys
if "--train" in sys.argv:
    for start in range(3):
        loss(start).backward()
"""
NEVER_CALLED = """\
def train(batches):
    for batch in batches:
        loss(batch).backward()
"""
IN_ENTERED = """\
for start in range(3):
    values = [part.backward() for part in ()]
"""
WHILE = """\
step, steps = 0, 0
while step < steps:
    loss(step).backward()
    step += 1
"""


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Path]:
    """A file that is imported as a module named script."""
    yield tmp_path / "script.py"
    sys.modules.pop("script", None)


def run(path: Path, source: str) -> None:
    path.write_text(source)
    module = ModuleType("script")
    module.__file__ = str(path)
    sys.modules["script"] = module
    exec(compile(source, str(path), "exec"), vars(module))


@pytest.mark.parametrize(
    ("source", "line", "backward", "header"),
    [
        (MODULE, 3, 4, "for start in range(0, len(inputs) - batch, batch)"),
        (NO_EPOCH, 1, 3, "for epoch in range(0)"),
        (FUNCTION, 2, 6, "for batch in batches"),
        (WHILE, 2, 3, "while step < steps"),
    ],
)
def test_the_loop_that_was_not_entered_is_named(script, source, line, backward, header):
    run(script, source)
    site, fact = unentered_loop(SourceTree())
    assert isinstance(site, Site) and (site.kind, site.file, site.line) == ("unentered_loop", str(script), line)
    assert isinstance(fact, Fact) and fact.detail == {"header": header, "backward": backward}


@pytest.mark.parametrize("source", [CONDITION, NEVER_CALLED, IN_ENTERED])
def test_what_the_source_does_not_show_for_sure_is_not_named(script, source):
    run(script, source)
    assert unentered_loop(SourceTree()) == []


def test_a_file_that_cannot_be_read_any_more_is_passed_over(script):
    run(script, MODULE)
    script.unlink()
    assert unentered_loop(SourceTree()) == []
