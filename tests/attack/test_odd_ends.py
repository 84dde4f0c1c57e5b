"""What a script does to its own process and end: the run ends in time, with the status of the script itself."""

import os
import threading
import time

import pytest

from descend.doctor.execution import launch
from descend.doctor.execution.launch import new_record, run
from descend.doctor.execution.process import TAIL, _whole_lines, received_messages
from descend.doctor.sandbox.devices import SHARED_MEMORY
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

from .world import REACHED, TRAINING, state

FINISHED, FAILED = ("finished", 0), ("failed", 1)
ENDS = {  # what comes before three steps of training, what comes after them -> how the run ends
    "an error without a text": (
        "",
        "class Error(Exception):\n    def __str__(self):\n        return 1 / 0\nraise Error",
        FAILED,
    ),
    "an error whose text leaves": (
        "",
        "class Error(Exception):\n    def __str__(self):\n        raise SystemExit(7)\nraise Error",
        FAILED,
    ),
    "errors in a circle": ("", "error = ValueError('x' * 1000000)\nraise error from error", FAILED),
    "a status without a text": ("", "class Code:\n    def __str__(self):\n        return 1 / 0\nexit(Code())", FAILED),
    "a status that is too large": ("", "exit(256 + 10**30 // 10**30 * 5)", ("failed", 261)),
    "our own status": ("", "os._exit(98)", ("failed", 98)),
    "streams that leave": (
        "class Stream:\n    def write(self, text): pass\n    def flush(self):\n        raise SystemExit(7)\n"
        "sys.stdout = sys.stderr = Stream()",
        "",
        FINISHED,
    ),
    "streams that wait": (
        "class Stream:\n    def write(self, text): pass\n    def flush(self):\n        time.sleep(1000)\n"
        "sys.stdout = sys.stderr = Stream()",
        "",
        FINISHED,
    ),
    "no streams": ("sys.stdout = sys.stderr = sys.excepthook = None", "", FINISHED),
    "closed streams": ("os.close(0); os.close(1); os.close(2)", "", FINISHED),
    "its copy deleted": ("", "shutil.rmtree(os.getcwd(), ignore_errors=True)", FINISHED),
    "at another place": ("os.umask(0o777); os.chdir('/'); locale.setlocale(locale.LC_ALL, 'C')", "", FINISHED),
    "limits for itself": (
        "for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_CORE):\n"
        "    resource.setrlimit(limit, (0, 0))",
        "",
        FINISHED,
    ),
    "signals all the time": (
        "for number in (signal.SIGALRM, signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD):\n"
        "    signal.signal(number, lambda number, frame: None)\nsignal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)",
        "",
        FINISHED,
    ),
    "other settings of torch": (
        "import torch\ntorch.set_default_dtype(torch.float64); torch.use_deterministic_algorithms(True)\n"
        "torch.set_grad_enabled(False); torch.set_grad_enabled(True)",
        "",
        FINISHED,
    ),
    "a sleep at the end": ("import atexit\natexit.register(time.sleep, 1000)", "", FINISHED),
    "children and threads": (
        "if os.fork() == 0:\n    time.sleep(1000)\n"
        "threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
        "",
        FINISHED,
    ),
    "a child that leaves as the script does": ("if os.fork() == 0:\n    sys.exit(7)\nos.wait()", "", FINISHED),
    "much to say": ("os.write(2, b'x' * 200000000)", "", FINISHED),
}
IMPORTED = "import locale, os, resource, shutil, signal, sys, threading, time\n"


@pytest.fixture
def consulted(tmp_path, shared_fork_server):
    """Return a function that runs a script at the weakest level of the sandbox, and returns its record."""

    def observed(text, **plan):
        (tmp_path / "train.py").write_text(IMPORTED + text)
        script, chosen = Script(tmp_path / "train.py", tmp_path), Plan(role="baseline", sandbox=REACHED[-1], **plan)
        return run(script, chosen, new_record(script, chosen), server=shared_fork_server.get())

    return observed


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ENDS))
def test_a_run_ends_as_its_script_does(consulted, name):
    before, after, ends = ENDS[name]
    record = consulted(f"{before}\n{TRAINING.format(steps=3)}\n{after}\n")
    assert record.ending is not None
    assert (record.ending.reason, record.ending.status) == ends, record.ending
    assert (record.steps == 3 or "os._exit" in after) and "descend" not in record.ending.error


@pytest.mark.slow
@pytest.mark.parametrize(
    "stuck",
    [
        "for name in ('perf_counter', 'monotonic', 'sleep'):\n    setattr(time, name, lambda *_: 0.0)\nwhile True: 0",
        "sys.setswitchinterval(1e9)\nwhile True: 0",
    ],
    ids=["its clock", "the interpreter"],
)
def test_a_run_that_cannot_end_itself_is_ended(consulted, monkeypatch, stuck):
    monkeypatch.setattr(launch, "OVERDUE", 0)
    record = consulted(stuck, patience=3.0, seconds=1.0)
    assert record.ending is not None and record.ending.reason == "window"
    assert any(note.probe == "deadline" for note in record.notes)


@pytest.mark.slow
def test_a_run_that_is_ended_at_the_deadline_is_not_called_stuck(consulted):
    record = consulted("sys.setswitchinterval(1e9)\nwhile True: 0", until=time.monotonic() + 3)
    assert record.ending is not None and record.ending.reason == "window"
    [note] = [note.reason for note in record.notes if note.probe == "deadline"]
    assert "--budget" in note and "blocks" not in note


AT_THE_END = """
class Stream:
    def write(self, text): pass
    def flush(self):
        if threading.current_thread() is threading.main_thread():
            return
        open({marker!r}, "w").close()
        for action in (lambda: open({kept!r}, "a").write("x"), lambda: os.chmod({kept!r}, 0o777)):
            try:
                action()
            except OSError:
                pass
sys.stdout = Stream()
"""


@pytest.mark.slow
def test_effects_are_checked_until_the_process_has_ended(consulted, tmp_path_factory):
    kept = tmp_path_factory.mktemp("outside") / "kept"
    kept.write_text("kept")
    before = state(kept)
    marker = SHARED_MEMORY / f"descend-test-{os.getpid()}"  # a run may add files to this folder at the level hooks
    try:
        record = consulted(TRAINING.format(steps=3) + AT_THE_END.format(marker=str(marker), kept=str(kept)))
        assert record.ending is not None and record.ending.reason == "finished"
        assert marker.exists()  # the streams are flushed after the script has ended
    finally:
        marker.unlink(missing_ok=True)
    assert state(kept) == before


def test_what_never_ends_is_not_awaited():
    reader, writer = os.pipe()
    stopped = threading.Event()
    assert list(received_messages([reader], stopped.is_set, until=time.monotonic())) == []
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("between", [b"\n", b"\r", b""])
def test_a_line_that_is_cut_off_is_left_out(between):
    tail = bytearray(b"half of a secret" + between + b"x" * TAIL)[:TAIL]
    assert bytes(_whole_lines(tail)) == (tail.partition(between)[2] if between else b"")
