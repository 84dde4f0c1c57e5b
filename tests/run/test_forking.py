"""A run that is forked from a process with torch imported is the run that is started by itself."""

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

from descend.doctor.run.forking import ForkServer, forking, imported
from descend.doctor.run.launch import UNFORKED, new_record, run
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

KNOWS = """
import json, os, sys, tempfile
import numpy as np, torch
from torch import nn
import beside

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
knows = {
    "argv": sys.argv, "cwd": os.getcwd(), "path": sys.path[0], "beside": beside.__file__, "name": __name__,
    "temporary": tempfile.gettempdir(), "variable": os.environ["PWD"], "leader": os.getsid(0) == os.getpid(),
    "threads": torch.get_num_threads(), "input": sys.stdin.read(), "losses": losses, "found": extra(),
}
print(json.dumps(knows), file=sys.stderr)
sys.exit(3)
"""

# each run has a keeper of its own, which whoever has started it is the parent of
WHO_KEEPS_IT = """
import os, sys
print(open(f"/proc/{os.getppid()}/stat").read().rpartition(")")[2].split()[1], file=sys.stderr)
os._exit(4)
"""


def ran(script: Script, server: ForkServer | None, **plan):
    chosen = Plan(role="trial_run", seed=5, sandbox="landlock", **plan)  # with the machine's own process numbers
    return run(script, chosen, new_record(script, chosen), server=server)


def written(folder: Path, text: str, name: str = "train.py") -> Script:
    (folder / name).write_text(text)
    return Script(folder / name, folder, ("--epochs", "2"))


@pytest.fixture
def server(tmp_path):
    with forking(Script(tmp_path / "train.py", tmp_path)) as server:
        yield server


def is_alive(pid: int) -> bool:
    try:
        return "zombie" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def is_gone(pid: int) -> bool:
    return comes(lambda: not is_alive(pid))


@pytest.mark.slow
@pytest.mark.parametrize("jobs", sampled([1, 2], 1))  # one at a time has several threads
def test_it_finds_itself_as_when_it_is_started_by_itself(tmp_path, server, monkeypatch, jobs):
    folder = tmp_path / "on the path"
    folder.mkdir()
    (folder / "further.py").write_text("def extra():\n    return __file__\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    (tmp_path / "beside.py").write_text("")
    script = written(tmp_path, KNOWS.replace("import beside", "import beside\nfrom further import extra"))
    seen = []
    for by in (None, server, server):
        record = ran(script, by, jobs=jobs)
        assert record.ending.reason == "failed" and record.ending.status == 3
        seen.append((record.ending.weights, [*record.series("loss", "0").values], dict(record.environment)))
    assert seen[0] == seen[1] == seen[2]
    told = [json.loads(told_by(script, by, jobs).splitlines()[0]) for by in (None, server)]
    copies = [Path(t["cwd"]) for t in told]
    assert all(copy != tmp_path and not copy.exists() for copy in copies)
    for t, copy in zip(told, copies):
        top = copy.parents[len(tmp_path.parts) - 1]
        for place in ("path", "beside", "variable", "found"):
            t[place] = str(Path(t[place]).relative_to(copy))
        t["temporary"] = str(Path(t.pop("temporary")).relative_to(top))
        del t["cwd"]
    assert told[0] == told[1]
    assert told[0]["leader"] and told[0]["found"] == "on the path/further.py" and told[0]["temporary"] == "tmp"


def told_by(script: Script, server: ForkServer | None, jobs: int) -> str:
    """Return the standard error of a script that says what it knows, then dies."""
    dying = script.edit(script.path, script.read(script.path).replace("sys.exit(3)", "os._exit(4)"))
    record = ran(dying, server, jobs=jobs)
    assert record.ending.status == 4
    return record.ending.error


@pytest.mark.slow
def test_the_server_is_what_runs_it(tmp_path, server):
    script = written(tmp_path, WHO_KEEPS_IT)
    parents = {int(ran(script, server).ending.error) for _ in range(2)}
    assert os.getpid() not in parents and len(parents) == 1
    by_itself = ran(script, None).ending.error
    assert int(by_itself) == os.getpid()


@pytest.mark.slow
def test_a_file_that_hides_a_module_hides_it_still(tmp_path, server):
    script = written(tmp_path, "import sys, calendar\nprint(calendar.MINE, file=sys.stderr)\nimport os\nos._exit(4)")
    (tmp_path / "calendar.py").write_text("from datetime import date\nMINE = 'mine'\n")
    by_itself = ran(script, None)
    assert ran(script, server).ending.error == by_itself.ending.error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("does", "reason", "status"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed", 128 + signal.SIGKILL),
        ("os._exit(9)", "failed", 9),
        ("raise ValueError('not so')", "failed", 1),
        ("sys.exit(0)", "finished", 0),
    ],
)
def test_its_end_is_known(tmp_path, server, does, reason, status):
    script = written(tmp_path, f"import os, signal, sys\n{does}\n")
    ending = ran(script, server).ending
    assert (ending.reason, ending.status) == (reason, status)
    if reason == "failed" and status == 1:
        assert ending.error.startswith("Traceback") and "descend" not in ending.error.replace(str(tmp_path), "")


@pytest.mark.slow
def test_many_at_once(tmp_path, server):
    script = written(tmp_path, "import sys, os\nprint(sys.argv[0], os.getpid(), file=sys.stderr)\nos._exit(4)")
    errors = []
    threads = [threading.Thread(target=lambda: errors.append(ran(script, server).ending.error)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(errors)) == 6 and all(error.startswith("train.py ") for error in errors)


@pytest.mark.slow
def test_an_interruption_ends_it_and_what_it_has_started(tmp_path, server):
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
def test_the_server_does_not_outlive_us(tmp_path):
    script = written(tmp_path, "import os\nos._exit(4)")
    program = (
        "import os, sys, time; from pathlib import Path; from descend.doctor.script.plan import Plan\n"
        "from descend.doctor.run.forking import forking; from descend.doctor.run.launch import new_record, run\n"
        "from descend.doctor.script.script import Script\n"
        "script, plan = Script(Path(sys.argv[1]), Path.cwd()), Plan(role='trial_run')\n"
        "with forking(script) as server:\n"
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
def test_where_no_server_can_be_had_each_is_started_by_itself(tmp_path):
    script = written(tmp_path, WHO_KEEPS_IT)
    with forking(script) as server:
        server._works = False
        assert int(ran(script, server).ending.error) == os.getpid()
    with forking(script) as server:
        assert int(ran(script, server).ending.error) != os.getpid()
        server._server.kill()
        server._server.wait()
        assert int(ran(script, server).ending.error) == os.getpid()


def test_a_server_that_should_be_there_and_is_not_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("descend.doctor.run.forking.starting", lambda *_: ["-c", "raise SystemExit(1)"])
    path = tmp_path / "train.py"
    path.write_text("print(1)\n")
    script, plan = Script(path, tmp_path), Plan(steps=3)
    with forking(script) as server:
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
def test_what_is_imported_for_all(tmp_path, text, names):
    assert imported(written(tmp_path, text)) == names
