"""A run ends when it should, keeps its measurements and leaves no process, whatever the script does."""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from waiting import comes

from descend.doctor.execution import launch
from descend.doctor.record import facts
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

SCRIPTS = Path(__file__).parents[1] / "scripts"
WATCHING = Path(__file__).with_name("watching.py")
pytestmark = pytest.mark.slow


class Victim:
    """One run of a script that is marked by a unique word in its arguments."""

    def __init__(self, kind: str) -> None:
        self.word = f"victim-{uuid.uuid4().hex}"
        self.script = Script(SCRIPTS / "windows.py", SCRIPTS, (kind, self.word))

    def processes(self) -> list[int]:
        """Return the processes with the word in their command line, except the command that searches for them."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self.word.encode() in (folder / "cmdline").read_bytes() and int(folder.name) != os.getpid():
                    found.append(int(folder.name))
            except OSError:
                continue
        return found

    def is_gone(self) -> bool:
        return comes(lambda: not self.processes())


def test_a_run_ends_at_its_last_step_despite_except_clauses(observe):
    victim = Victim("forever")
    record = observe(victim.script, steps=40, seconds=100)
    assert (record.ending.reason, record.ending.steps, record.ending.status) == ("window", 40, 0)
    assert len(record.series("loss", "0")) == 40
    assert record.series("monitored_loss").steps[-1] == 40
    assert victim.is_gone()


def test_a_run_that_is_judged_by_its_log_measures_its_fixed_examples_once(observe):
    script = Victim("forever").script
    once, often = (observe(script, role="trial_run", steps=40, judged_by_log=once) for once in (True, False))
    [step] = once.series("monitored_loss").steps
    assert step < 40 and len(often.series("monitored_loss")) > 3
    assert once.series("loss", "0") == often.series("loss", "0")
    assert once.fact(facts.Monitor) == often.fact(facts.Monitor)


def test_a_run_ends_at_its_time_limit(observe, clock_on_the_wall):
    victim = Victim("slow")  # each step takes at least 50 ms
    record = observe(victim.script, steps=100_000, seconds=1.5)
    assert record.ending.reason == "window"
    assert 1 <= record.ending.steps < 1000  # 30 on an idle machine; waiting for a processor does not count
    assert record.ending.loop_s - record.ending.probe_s >= 1.5
    assert victim.is_gone()


def test_without_timing_no_time_limit_ends_a_run(observe):
    victim = Victim("slow")
    record = observe(victim.script, steps=40, seconds=0.1)
    assert (record.ending.reason, record.ending.steps) == ("window", 40)
    assert victim.is_gone()


def test_a_run_with_an_endless_step_ends(observe):
    victim = Victim("stuck")
    record = observe(victim.script, seconds=0.5)
    assert (record.ending.reason, record.ending.steps) == ("window", 1)
    assert victim.is_gone()


def test_a_run_that_never_trains_ends(observe):
    victim = Victim("never")
    record = observe(victim.script, patience=4.0)
    assert (record.ending.reason, record.ending.steps) == ("window", 0)
    assert victim.is_gone()


def test_a_script_of_one_step_is_recorded(observe):
    record = observe(Victim("once").script)
    assert (record.ending.reason, record.ending.status, record.ending.steps) == ("finished", 0, 1)
    assert len(record.series("loss", "0")) == 1 and record.ending.weights


KILLED, SEGFAULT = ("killed", 128 + signal.SIGKILL), ("segfault", 128 + signal.SIGSEGV)


@pytest.mark.parametrize("kind, status", [KILLED, pytest.param(*SEGFAULT, marks=pytest.mark.thorough)])
def test_the_record_of_a_killed_script_is_kept(observe, kind, status):
    record = observe(Victim(kind).script)
    assert (record.ending.reason, record.ending.status) == ("killed", status)
    losses = record.series("loss", "0").steps[-1] + 1  # the loss is sent before the step ends
    # except for the last second, which has ten steps
    assert losses - record.ending.steps in (0, 1) and record.ending.steps >= 20


def test_forked_processes_and_workers_end_with_the_run(observe):
    victim = Victim("forks")
    record = observe(victim.script, steps=60, allow_effects=True)
    assert (record.ending.reason, record.ending.steps) == ("window", 60)
    assert record.series("loss", "0").steps == tuple(range(60))  # without the step of the fork
    assert victim.is_gone()


def test_processes_that_a_watched_script_leaves_are_not_waited_for():
    victim = Victim("leaves")
    command = [sys.executable, str(WATCHING), str(victim.script.path), *victim.script.arguments]
    done = subprocess.run(command, cwd=SCRIPTS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
    assert done.returncode == 0
    left = victim.processes()
    for process in left:
        os.kill(process, signal.SIGKILL)
    assert left and victim.is_gone()  # it would also survive under plain python


def test_an_interruption_ends_the_run(observe):
    victim = Victim("forever")

    def listen(messages):
        if any(m.__class__.__name__ == "Reading" for m in messages):
            raise KeyboardInterrupt

    plan = Plan(steps=10**6, seconds=1e6)
    with pytest.raises(KeyboardInterrupt):
        launch.run(victim.script, plan, launch.new_record(victim.script, plan), listen)
    assert victim.is_gone()


def test_a_run_ends_with_its_parent_process():
    victim = Victim("slow")
    program = (
        "import sys; from pathlib import Path\n"
        "from descend.doctor.script.plan import Plan; from descend.doctor.script.script import Script\n"
        "from descend.doctor.execution.launch import new_record, run\n"
        "script, plan = Script(Path(sys.argv[1]), Path.cwd(), tuple(sys.argv[2:])), Plan(steps=10**6, seconds=1e6)\n"
        "run(script, plan, new_record(script, plan), lambda messages: print(len(messages), flush=True))"
    )
    command = [sys.executable, "-c", program, str(victim.script.path), *victim.script.arguments]
    ours = subprocess.Popen(command, cwd=SCRIPTS, stdout=subprocess.PIPE)
    for _ in range(4):
        assert ours.stdout.readline()
    ours.kill()
    ours.wait()
    ours.stdout.close()
    assert victim.is_gone()


def test_signals_to_descend_watch_reach_the_script(tmp_path):
    script = tmp_path / "saves.py"
    script.write_text(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('saved', flush=True), sys.exit(7)))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, str(WATCHING), str(script)]
    watcher = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert watcher.stdout.readline() == "ready\n"
    watcher.terminate()
    out, _ = watcher.communicate(timeout=300)
    assert out == "saved\n" and watcher.returncode == 7
