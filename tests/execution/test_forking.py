"""A run that is forked from a process with torch imported equals a run that is started alone."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sampling import sampled
from waiting import comes

from descend.doctor.execution import launch
from descend.doctor.execution.forking import ForkServer, NotStartedInTime, fork_server, imported_modules
from descend.doctor.execution.launch import UNFORKED, new_record, run
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

ENVIRONMENT = """
import json, os, sys, tempfile
import numpy as np, torch
from torch import nn
import neighbour

torch.manual_seed(0)
model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
losses = []
for step in range(4):
    optimizer.zero_grad()
    loss = (model(torch.randn(8, 3)) ** 2).mean() + float(np.random.rand()) * model.bias.sum()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
facts = {
    "argv": sys.argv, "cwd": os.getcwd(), "path": sys.path[0], "neighbour": neighbour.__file__, "name": __name__,
    "temporary": tempfile.gettempdir(), "variable": os.environ["PWD"], "leader": os.getsid(0) == os.getpid(),
    "threads": torch.get_num_threads(), "input": sys.stdin.read(), "losses": losses, "found": extra(),
}
print(json.dumps(facts), file=sys.stderr)
sys.exit(3)
"""

# Each run has a keeper process, whose parent is the process that started the run.
PRINT_KEEPER = """
import os, sys
print(open(f"/proc/{os.getppid()}/stat").read().rpartition(")")[2].split()[1], file=sys.stderr)
os._exit(4)
"""


def ran(script: Script, server: ForkServer | None, **plan):
    # landlock: the script sees the machine's own process numbers
    chosen = Plan(role="trial_run", seed=5, sandbox="landlock", **plan)
    return run(script, chosen, new_record(script, chosen), server=server)


def written(folder: Path, text: str, name: str = "train.py") -> Script:
    (folder / name).write_text(text)
    return Script(folder / name, folder, ("--epochs", "2"))


@pytest.fixture
def server(tmp_path):
    with fork_server(Script(tmp_path / "train.py", tmp_path)) as server:
        yield server


def is_alive(pid: int) -> bool:
    try:
        return "zombie" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def is_gone(pid: int) -> bool:
    return comes(lambda: not is_alive(pid))


@pytest.mark.slow
@pytest.mark.parametrize("jobs", sampled([1, 2], 1))  # A single job has several threads.
def test_a_forked_run_has_the_environment_of_a_run_started_alone(tmp_path, server, monkeypatch, jobs):
    folder = tmp_path / "on the path"
    folder.mkdir()
    (folder / "further.py").write_text("def extra():\n    return __file__\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    (tmp_path / "neighbour.py").write_text("")
    script = written(tmp_path, ENVIRONMENT.replace("import neighbour", "import neighbour\nfrom further import extra"))
    seen = []
    for by in (None, server, server):
        record = ran(script, by, jobs=jobs)
        assert record.ending.reason == "failed" and record.ending.status == 3
        seen.append((record.ending.weights, [*record.series("loss", "0").values], dict(record.environment)))
    assert seen[0] == seen[1] == seen[2]
    reports = [json.loads(environment_printed_by(script, by, jobs).splitlines()[0]) for by in (None, server)]
    copies = [Path(t["cwd"]) for t in reports]
    assert all(copy != tmp_path and not copy.exists() for copy in copies)
    for t, copy in zip(reports, copies):
        top = copy.parents[len(tmp_path.parts) - 1]
        for place in ("path", "neighbour", "variable", "found"):
            t[place] = str(Path(t[place]).relative_to(copy))
        t["temporary"] = str(Path(t.pop("temporary")).relative_to(top))
        del t["cwd"]
    assert reports[0] == reports[1]
    assert reports[0]["leader"] and reports[0]["found"] == "on the path/further.py" and reports[0]["temporary"] == "tmp"


def environment_printed_by(script: Script, server: ForkServer | None, jobs: int) -> str:
    """Return the standard error of a script that prints its environment and then fails."""
    dying = script.edit(script.path, script.read(script.path).replace("sys.exit(3)", "os._exit(4)"))
    record = ran(dying, server, jobs=jobs)
    assert record.ending.status == 4
    return record.ending.error


@pytest.mark.slow
def test_the_fork_server_starts_the_run(tmp_path, server):
    script = written(tmp_path, PRINT_KEEPER)
    parents = {int(ran(script, server).ending.error) for _ in range(2)}
    assert os.getpid() not in parents and len(parents) == 1
    by_itself = ran(script, None).ending.error
    assert int(by_itself) == os.getpid()


@pytest.mark.slow
def test_a_file_that_shadows_a_module_also_does_so_in_a_forked_run(tmp_path, server):
    script = written(tmp_path, "import sys, calendar\nprint(calendar.MINE, file=sys.stderr)\nimport os\nos._exit(4)")
    (tmp_path / "calendar.py").write_text("from datetime import date\nMINE = 'mine'\n")
    by_itself = ran(script, None)
    assert ran(script, server).ending.error == by_itself.ending.error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("does", "reason", "status"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed", 128 + signal.SIGKILL),
        pytest.param("os._exit(9)", "failed", 9, marks=pytest.mark.thorough),
        pytest.param("raise ValueError('not so')", "failed", 1, marks=pytest.mark.thorough),
        ("sys.exit(0)", "finished", 0),
    ],
)
def test_the_end_of_a_forked_run_is_reported(tmp_path, server, does, reason, status):
    script = written(tmp_path, f"import os, signal, sys\n{does}\n")
    ending = ran(script, server).ending
    assert (ending.reason, ending.status) == (reason, status)
    if reason == "failed" and status == 1:
        assert ending.error.startswith("Traceback") and "descend" not in ending.error.replace(str(tmp_path), "")


@pytest.mark.slow
def test_several_forked_runs_at_once(tmp_path, server):
    script = written(tmp_path, "import sys, os\nprint(sys.argv[0], os.getpid(), file=sys.stderr)\nos._exit(4)")
    errors = []
    threads = [threading.Thread(target=lambda: errors.append(ran(script, server).ending.error)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(errors)) == 6 and all(error.startswith("train.py ") for error in errors)


@pytest.mark.slow
def test_an_interruption_ends_the_run_and_its_child_processes(tmp_path, server):
    file = tmp_path / "pids"
    script = written(
        tmp_path,
        "import os, time, torch\n"
        "w = torch.ones(2, requires_grad=True)\n"
        "optimizer = torch.optim.SGD([w], lr=0.1)\n"
        f"if os.fork() == 0:\n    open({str(file)!r}, 'a').write(f'{{os.getpid()}}\\n')\n    time.sleep(60)\n"
        f"open({str(file)!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
        "while True:\n"
        "    optimizer.zero_grad()\n    (w ** 2).sum().backward()\n    optimizer.step()\n    time.sleep(0.01)\n",
    )
    plan = Plan(role="trial_run", steps=10**6, seconds=1e6, allow_effects=True)

    def listen(messages):
        if any(type(m).__name__ == "Reading" for m in messages) and len(file.read_text().split()) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(script, plan, new_record(script, plan), listen, server)
    assert all(is_gone(int(pid)) for pid in file.read_text().split())


@pytest.mark.slow
def test_the_fork_server_ends_with_its_parent(tmp_path):
    script = written(tmp_path, "import os\nos._exit(4)")
    program = (
        "import os, sys, time; from pathlib import Path; from descend.doctor.script.plan import Plan\n"
        "from descend.doctor.execution.forking import fork_server\n"
        "from descend.doctor.execution.launch import new_record, run\n"
        "from descend.doctor.script.script import Script\n"
        "script, plan = Script(Path(sys.argv[1]), Path.cwd()), Plan(role='trial_run')\n"
        "with fork_server(script) as server:\n"
        "    run(script, plan, new_record(script, plan), server=server)\n"
        "    print(server._server.pid, flush=True); time.sleep(60)"
    )
    ours = subprocess.Popen([sys.executable, "-c", program, str(script.path)], cwd=tmp_path, stdout=subprocess.PIPE)
    pid = int(ours.stdout.readline())
    assert is_alive(pid)
    ours.kill()
    ours.wait()
    ours.stdout.close()
    assert is_gone(pid)


@pytest.mark.slow
def test_without_a_fork_server_each_run_is_started_alone(tmp_path):
    script = written(tmp_path, PRINT_KEEPER)
    with fork_server(script) as server:
        server._works = False
        assert int(ran(script, server).ending.error) == os.getpid()
    with fork_server(script) as server:
        assert int(ran(script, server).ending.error) != os.getpid()
        server._server.kill()
        server._server.wait()
        assert int(ran(script, server).ending.error) == os.getpid()


def test_a_fork_server_that_fails_to_start_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr("descend.doctor.execution.forking.start_arguments", lambda *_: ["-c", "raise SystemExit(1)"])
    path = tmp_path / "train.py"
    path.write_text("print(1)\n")
    script, plan = Script(path, tmp_path), Plan(steps=3)
    with fork_server(script) as server:
        record = run(script, plan, new_record(script, plan), server=server)
    assert [note.reason for note in record.notes if note.probe == "fork server"] == [UNFORKED]
    assert record.ending.reason == "finished"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import numpy as np, os, torch", ["numpy"]),
        ("from sklearn.datasets import load_digits", ["sklearn.datasets", "sklearn.datasets.load_digits"]),
        ("def f():\n    import scipy.stats", ["scipy.stats"]),
        ("from .sklearn import x\nimport transformers", []),
        ("not python", []),
    ],
)
def test_modules_that_the_fork_server_imports(tmp_path, text, names):
    assert imported_modules(written(tmp_path, text)) == names


def test_a_run_that_the_server_cannot_start_before_the_deadline_is_ended(tmp_path, server):
    record = ran(written(tmp_path, ""), server, until=0.0)  # The server has not imported torch yet.
    assert (record.ending.reason, record.steps) == ("window", 0)
    assert any("--budget" in note.reason for note in record.notes)
    assert server._server.poll() is not None


def test_a_run_ends_early_enough_to_delete_its_copy_before_the_deadline(tmp_path, server, monkeypatch):
    plans = []

    def start(script, plan, *others):
        plans.append(plan)
        raise NotStartedInTime

    monkeypatch.setattr(launch, "_start", start)
    server.links.slowest_s = 1000.0
    ran(written(tmp_path, ""), server, until=5000.0)
    assert plans[0].until == 4000.0


@pytest.mark.slow
@pytest.mark.parametrize("role", sampled(["baseline", "trial_run"], "trial_run"))
def test_the_server_has_imported_what_a_run_needs(tmp_path, server, role):
    import_all = (
        "import sys, descend.doctor.execution.forkserver as it; it._import_for_all_runs([]); print(*sys.modules)"
    )
    known = subprocess.check_output([sys.executable, "-c", import_all], text=True).split()
    last = "print(json.dumps([name for name in sys.modules if 'descend.' in name]), file=sys.stderr)"
    script = written(tmp_path, f"{ENVIRONMENT.partition('facts = ')[0]}\n{last}\nsys.exit(3)")
    (tmp_path / "neighbour.py").write_text("")
    plan = Plan(role=role, sandbox="landlock")
    record = run(script, plan, new_record(script, plan), server=server)
    imported = json.loads(record.ending.error.splitlines()[-1])
    assert imported and not set(imported) - set(known)
