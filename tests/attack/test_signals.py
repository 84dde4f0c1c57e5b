"""Signals reach a watched script as they would under plain python: each arrives exactly once."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sampling import sampled
from waiting import comes

from descend.doctor.record.store import open_existing
from descend.doctor.script.run_names import EndReason

from .world import named

pytestmark = pytest.mark.slow
ASKED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGTSTP", "SIGPIPE")
AS_IT_IS = 42
DISPOSITIONS = """
import json, signal, sys
found = {name: str(signal.getsignal(getattr(signal, name))) for name in sys.argv[2:]}
if sys.argv[1] == "-":
    print(json.dumps(found))
elif json.loads(sys.argv[1]) == found:
    sys.exit(42)
else:
    sys.exit(str(found))
"""
COUNTING = """
import signal, sys, time
received = open(sys.argv[1], "a", buffering=1)
for name in sys.argv[2:]:
    signal.signal(getattr(signal, name), lambda number, frame: print(signal.Signals(number).name, file=received))
print("ready", file=received)
until = time.monotonic() + 60
while time.monotonic() < until:
    time.sleep(0.05)
"""
SLEEPING = """
import ctypes, time
ctypes.CDLL(None).prctl(15, b"{name}")
time.sleep(1000)
"""
OURS = [sys.executable, "-m", "descend"]


class Watched:
    """A script under `descend watch` that writes down each signal that it gets."""

    def __init__(self, folder: Path, *names: str, through: tuple[str, ...] = (), **options) -> None:
        self.received = folder / "received"
        self.received.unlink(missing_ok=True)
        script = folder / "counting.py"
        script.write_text(COUNTING)
        command = [*through, *OURS, "watch", "--store", str(folder / "store"), str(script), str(self.received), *names]
        self.process = subprocess.Popen(command, cwd=folder, **options)
        self.until("ready")

    def lines(self) -> list[str]:
        return self.received.read_text().split() if self.received.exists() else []

    def until(self, line: str, count: int = 1) -> None:
        assert comes(lambda: self.lines().count(line) >= count, of=self.process), self.lines()

    def end(self) -> None:
        for child in children(self.process.pid):
            os.kill(child, signal.SIGKILL)
        self.process.wait(30)


MANY = ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGTSTP")


@pytest.fixture
def watched(tmp_path):
    """Start a watched script; its processes are killed after the test."""
    started: list[Watched] = []

    def start(*names: str, **options) -> Watched:
        started.append(Watched(tmp_path, *names, **options))
        return started[-1]

    yield start
    for one in started:
        one.end()


def children(parent: int) -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except FileNotFoundError:
        return []


def terminal():
    """Become the leader of a session whose terminal is standard input."""
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def typed():
    """A terminal: its slave, and a function that types a key there."""
    master, slave = pty.openpty()
    yield slave, lambda key: os.write(master, key)
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize("ignored", sampled([(), MANY], MANY))
@pytest.mark.parametrize("command", sampled(["watch", "doctor", "gradcheck"], "doctor"))
def test_what_is_ignored_stays_ignored_in_the_script(tmp_path, command, ignored):
    (tmp_path / "dispositions.py").write_text(DISPOSITIONS)
    trap = f"trap '' {' '.join(name[3:] for name in ignored)}; exec \"$@\"" if ignored else 'exec "$@"'
    shell = ["sh", "-c", trap, "sh"]
    plain = subprocess.check_output([*shell, sys.executable, "dispositions.py", "-", *ASKED], cwd=tmp_path, text=True)
    assert all(json.loads(plain)[name] == str(signal.SIG_IGN) for name in ignored)
    done = subprocess.run([*shell, *OURS, command, "dispositions.py", plain, *ASKED], cwd=tmp_path, capture_output=True)
    own = "ended with exit status 42" if command == "doctor" else ""
    assert done.returncode == (4 if own else AS_IT_IS) and own in done.stderr.decode(), done.stderr


def test_nohup_survives_a_hang_up_which_a_script_may_want_to_have(watched):
    run = watched(through=("nohup",), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    os.killpg(run.process.pid, signal.SIGHUP)
    run.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert run.process.poll() is None and len(children(run.process.pid)) == 2  # the script, and a bystander
    run.end()
    run = watched("SIGHUP", through=("nohup",), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run.process.send_signal(signal.SIGHUP)
    run.until("SIGHUP")


def test_what_the_watcher_alone_is_sent_and_what_its_group_is_reach_the_script_once(watched):
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGALRM", "SIGCONT")
    run = watched(*names, start_new_session=True)
    for count, send in enumerate([os.kill, os.killpg, os.kill], 1):
        for name in names:
            send(run.process.pid, getattr(signal, name))
            run.until(name, count)
    time.sleep(0.3)
    assert sorted(run.lines()) == sorted(["ready", *3 * names]) and run.process.poll() is None


def test_ctrl_c_at_the_terminal_reaches_the_script_once(watched, typed):
    slave, type_key = typed
    run = watched("SIGINT", "SIGQUIT", stdin=slave, preexec_fn=terminal)
    for count, (key, name) in enumerate([(b"\x03", "SIGINT"), (b"\x1c", "SIGQUIT"), (b"\x03", "SIGINT")]):
        type_key(key)
        run.until(name, 2 if count == 2 else 1)
        time.sleep(0.3)
    assert run.lines() == ["ready", "SIGINT", "SIGQUIT", "SIGINT"]
    run.process.send_signal(signal.SIGINT)
    run.until("SIGINT", 3)


def test_a_hang_up_of_the_terminal_reaches_the_script_once(watched):
    master, slave = pty.openpty()
    run = watched("SIGHUP", stdin=slave, preexec_fn=terminal)
    os.close(slave)
    os.close(master)
    run.until("SIGHUP")
    time.sleep(0.3)
    # The kernel sends SIGHUP first to the session's leader and then to the foreground group, also under plain python.
    assert set(run.lines()) == {"ready", "SIGHUP"} and run.process.poll() is None


def test_stopping_the_watcher_stops_the_script_and_killing_it_leaves_no_bystander(watched):
    run = watched(process_group=0)  # a shell's job: a process that stops in an orphaned group could not be continued
    script, bystander = sorted(children(run.process.pid), key=lambda pid: b"bystander" in cmdline(pid))
    run.process.send_signal(signal.SIGTSTP)
    assert comes(lambda: state(script) == state(run.process.pid) == "T")
    run.process.send_signal(signal.SIGCONT)
    assert comes(lambda: "T" not in (state(script), state(run.process.pid)))
    run.process.kill()
    assert comes(lambda: not Path(f"/proc/{bystander}").exists())
    os.kill(script, signal.SIGKILL)


def test_an_interrupted_script_ends_as_under_plain_python(tmp_path):
    script = tmp_path / "saves.py"
    script.write_text(
        "import time\n"
        "try: print('ready', flush=True); time.sleep(60)\n"
        "except KeyboardInterrupt: time.sleep(0.5); print('saved', flush=True)\n"
    )
    command = [*OURS, "watch", str(script)]
    run = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert run.stdout.readline() == "ready\n"
    os.killpg(run.pid, signal.SIGINT)
    assert run.communicate(timeout=300)[0] == "saved\n" and run.returncode == 0


ENDLESS = """
import sys, time, torch
w = torch.ones(2, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.01)
while True:
    optimizer.zero_grad()
    (w ** 2).sum().backward()
    optimizer.step()
    time.sleep(0.05)
    open(sys.argv[1], "w").close()
"""


@pytest.mark.parametrize("ending", sampled([signal.SIGINT, signal.SIGTERM, signal.SIGHUP], signal.SIGINT))
def test_a_watched_training_that_a_signal_ends_is_recorded_with_the_signals_status(tmp_path, ending):
    (tmp_path / "train.py").write_text(ENDLESS)
    command = [*OURS, "watch", "train.py", "stepped"]
    run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert comes((tmp_path / "stepped").exists, of=run)
    time.sleep(1)
    run.send_signal(ending)
    _, said = run.communicate(timeout=300)
    assert run.returncode == 128 + ending and f"the script ended with exit status {128 + ending}" in said, said
    with open_existing(tmp_path / ".descend") as store:
        record = store.load(1)
    assert record.steps > 0 and record.ending is not None and record.ending.status == 128 + ending
    if ending == signal.SIGINT:
        assert record.ending.reason == EndReason.INTERRUPTED
        shown = subprocess.run([*OURS, "diagnose", "--format", "agent"], cwd=tmp_path, capture_output=True, text=True)
        assert shown.returncode == 3 and "script_failed" not in shown.stdout, shown.stdout


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("command", sampled(["gradcheck", "show curvature", "show gradients"], "gradcheck"))
def test_every_long_command_ends_with_the_signals_status(tmp_path, command, ending):
    name = f"end{os.getpid()}"
    (tmp_path / "train.py").write_text(SLEEPING.format(name=name))
    started = [*OURS, *command.split(), "train.py"]
    run = subprocess.Popen(started, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert comes(lambda: named(name), of=run)
    run.send_signal(ending)
    _, said = run.communicate(timeout=300)
    assert run.returncode == 128 + ending and "Traceback" not in said, said


def cmdline(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
