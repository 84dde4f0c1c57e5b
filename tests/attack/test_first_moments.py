"""What a script does before it is observed, or instead: it is confined, and its messages concern itself only."""

import os
import signal
from contextlib import nullcontext
from pathlib import Path

import pytest
from sampling import sampled

from descend.doctor.execution.forking import fork_server
from descend.doctor.execution.launch import new_record, run
from descend.doctor.sandbox import confinement
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

from .world import REACHED, TRAINING, skip_unless_reached

pytestmark = pytest.mark.slow
# Modules of the standard library that this package imports in the script's process, before the script begins.
LOCAL = ("struct", "resource", "selectors", "base64", "json", "fcntl", "platform", "ipaddress")
LEAVING = {
    "os._exit(96)": 96,
    "os._exit(97)": 97,
    "os.kill(os.getpid(), signal.SIGRTMAX)": 128 + signal.SIGRTMAX - 1,  # the last one is the keeper's own
}


def started(folder: Path, text: str) -> Script:
    (folder / "train.py").write_text(text)
    return Script(folder / "train.py", folder)


@pytest.mark.parametrize("leaving", list(LEAVING))
def test_a_script_that_leaves_at_once_does_not_weaken_its_sandbox(tmp_path, monkeypatch, leaving):
    skip_unless_reached("namespaces")
    monkeypatch.setattr(confinement, "_lost", [])
    script = started(
        tmp_path, f"import os, signal, sys\nprint('unshare: no', file=sys.stderr, flush=True)\n{leaving}\n"
    )
    plan = Plan(role="baseline", sandbox="auto")
    record = run(script, plan, new_record(script, plan))
    assert record.ending is not None and record.ending.status == LEAVING[leaving]
    assert confinement.strongest_level() == "namespaces" and not record.notes


@pytest.mark.parametrize("forked", sampled([False, True], True), ids=["started", "forked"])
def test_a_module_with_a_name_of_the_standard_librarys_runs_only_as_the_scripts(tmp_path, forked):
    """Where it is not imported by the script, not at all."""
    kept = Path.home() / f".descend-attack-{os.getpid()}"
    for name in LOCAL:
        (tmp_path / f"{name}.py").write_text(f"open({str(kept)!r}, 'w').close()\n")
    script, plan = started(tmp_path, TRAINING.format(steps=3)), Plan(role="baseline", sandbox=REACHED[-1])
    with fork_server(script) if forked else nullcontext() as server:
        record = run(script, plan, new_record(script, plan), server=server)
    try:
        assert not kept.exists() and not record.effects
        assert record.ending is not None and record.ending.reason == "finished" and record.steps == 3
    finally:
        kept.unlink(missing_ok=True)
