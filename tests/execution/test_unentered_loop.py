"""A run without a backward pass reports the loop that was not entered, if the source shows it for certain."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from descend.doctor.instrumentation.frames import SourceTree
from descend.doctor.instrumentation.unentered_loop import find_unentered_loop
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
    """Yield a file that is imported as the module `script`."""
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
def test_the_unentered_loop_is_reported(script, source, line, backward, header):
    run(script, source)
    site, fact = find_unentered_loop(SourceTree())
    assert isinstance(site, Site) and (site.kind, site.file, site.line) == ("unentered_loop", str(script), line)
    assert isinstance(fact, Fact) and fact.detail == {"header": header, "backward": backward}


@pytest.mark.parametrize("source", [CONDITION, NEVER_CALLED, IN_ENTERED])
def test_an_uncertain_loop_is_not_reported(script, source):
    run(script, source)
    assert find_unentered_loop(SourceTree()) == []


def test_an_unreadable_file_is_skipped(script):
    run(script, MODULE)
    script.unlink()
    assert find_unentered_loop(SourceTree()) == []
