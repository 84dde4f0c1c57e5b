"""Training scripts with effects, examined by the doctor: every original file is unchanged."""

import json
import textwrap

import pytest

from .sandbox import fingerprint, make_world, needs_landlock

pytestmark = pytest.mark.slow

SCRIPT = """\
import atexit, ctypes, fcntl, json, logging, multiprocessing, os, shutil, socket, sqlite3, subprocess, sys
import tempfile, threading, urllib.request
from pathlib import Path
import numpy as np
import torch

PROJECT, PRECIOUS = Path({project!r}), Path({precious!r})
torch.manual_seed(0)
x = torch.randn(64, 3)
y = x @ torch.tensor([[1.0], [-2.0], [0.5]])
model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)


def put(path, text, mode="w"):
    with open(path, mode) as file:
        file.write(text)


def act():
{body}

def main():
    for step in range(40):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        if step % 20 == 5:
            act()
    print("trained", loss.item() < 1)


if __name__ == "__main__":
    main()
"""

# what each script does between two steps, in a copy of its folder where it is let
LET = {
    "saves a checkpoint over the old one": 'torch.save(model.state_dict(), "model.pt")',
    "appends to a log": 'put("log.txt", "epoch\\n", "a")',
    "logs by the logging module": 'logging.basicConfig(filename="log.txt"); logging.warning("epoch")',
    "deletes old runs": 'shutil.rmtree("runs", ignore_errors=True)',
    "keeps the last checkpoint under another name": """
        if Path("model.pt").exists():
            os.replace("model.pt", "model.bak")
    """,
    "writes next to it and moves into place": """
        with tempfile.NamedTemporaryFile("w", dir=".", delete=False) as file:
            file.write("{}")
        os.replace(file.name, "runs/old/result.json")
    """,
    "changes a memory map": 'np.memmap("data/table.npy", dtype="u1", mode="r+")[0] += 1',
    "keeps its results in SQLite": """
        with sqlite3.connect("results.db") as database:
            database.execute("create table if not exists losses (step, loss)")
            database.execute("insert into losses values (1, 2.0)")
    """,
    "goes into a folder and truncates": """
        os.chdir("data")
        os.truncate("table.npy", 8)
        os.chdir("..")
    """,
    "writes through a link that leads out": 'put("outside.txt", "!", "a")',
    "writes through a link to a folder out": """
        if not Path("theirs").exists():
            os.symlink(PRECIOUS, "theirs")
        put("theirs/model.pt", "lost")
    """,
    "holds a lock": """
        with open("train.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write(str(os.getpid()))
    """,
    "makes files read-only": 'os.chmod("model.pt", 0o400); os.utime("log.txt", (1, 1))',
    "writes through a hard link": """
        if not Path("log2.txt").exists():
            os.link("log.txt", "log2.txt")
        put("log2.txt", "more", "a")
    """,
    "forks a child that writes": """
        if (child := os.fork()) == 0:
            put("model.pt", "the child's")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """,
    "writes in a thread": """
        thread = threading.Thread(target=put, args=("log.txt", "from a thread", "a"))
        thread.start(); thread.join()
    """,
    "listens on a port of its own": """
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
            client.sendall(b"loss")
    """,
    "clears up when it ends": 'atexit.register(lambda: shutil.rmtree("data", ignore_errors=True))',
    "keeps a cache in the home folder": """
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "descend-test-cache")
        cache.parent.mkdir(parents=True, exist_ok=True)
        put(cache, "x")
    """,
    "changes a file next to its folder": 'put("../shared/vocabulary.txt", "d", "a")',
}

# what is redirected: the script, and the target of the effect in the report
REDIRECTED = {
    "overwrites by an absolute path": ('put(PRECIOUS / "model.pt", "lost")', "precious/model.pt"),
    "deletes by an absolute path": ('(PRECIOUS / "model.pt").unlink(missing_ok=True)', "precious/model.pt"),
    "deletes a tree by an absolute path": ("shutil.rmtree(PRECIOUS, ignore_errors=True)", "precious"),
    "renames by an absolute path": (
        'if (PRECIOUS / "model.pt").exists(): os.rename(PRECIOUS / "model.pt", PRECIOUS / "old.pt")',
        "precious/model.pt",
    ),
    "makes a file next to others": ('put(PRECIOUS / "new.txt", "x")', "precious/new.txt"),
    "saves by torch's native writer": ('torch.save(model, PRECIOUS / "model.pt")', "precious/model.pt"),
}

# and what is refused: the script, and a word of the refusal
REFUSED = {
    "starts rm": ('subprocess.run(["rm", "-rf", PRECIOUS], check=True)', "rm -rf"),
    "starts a shell": ('os.system(f"rm -rf {PRECIOUS}")', "rm -rf"),
    "starts another python": (
        'subprocess.run([sys.executable, "-c", "import shutil; shutil.rmtree(\'data\')"], check=True)',
        "shutil.rmtree",
    ),
    "calls home": ('urllib.request.urlopen("http://192.0.2.1/", timeout=1)', "192.0.2.1"),
}


ALWAYS = 4  # every fourth is tried by `make test`, too; all of them take two minutes


@pytest.fixture
def doctored(descend_here, tmp_path, request):
    """Take the script to the doctor, and return what it said, as JSON and on standard error."""
    name = getattr(request.node, "callspec", None) and request.getfixturevalue("name")
    if name and [*LET, *REDIRECTED, *REFUSED].index(name) % ALWAYS and not request.config.getoption("--kinds"):
        pytest.skip("make kinds tries all of them")
    world = make_world(tmp_path)

    def run(body: str, *more: str):
        text = textwrap.indent(textwrap.dedent(body).strip("\n"), " " * 4)
        script = SCRIPT.format(project=str(world / "project"), precious=str(world / "precious"), body=text + "\n")
        (world / "project" / "train.py").write_text(script)
        before = fingerprint(world)
        home = tmp_path / "home"
        home.mkdir()
        store = ("--store", str(tmp_path / "store"))
        options = ("--format", "json", "--seeds", "2", "--steps", "30")
        done = descend_here(
            "doctor", *store, *options, *more, "train.py", cwd=world / "project", env={"HOME": str(home)}
        )
        assert fingerprint(world) == before, done.stderr
        assert not list(home.rglob("*cache*"))
        return done

    return run


@pytest.mark.parametrize("name", LET)
def test_a_script_may_change_anything_in_its_copy(doctored, name):
    done = doctored(LET[name])
    assert done.returncode in (0, 3), done.stderr
    assert json.loads(done.stdout)["steps"] == 30


@pytest.mark.parametrize("name", REDIRECTED)
def test_changes_of_files_outside_the_copy_are_redirected(doctored, name):
    body, target = REDIRECTED[name]
    done = doctored(body)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["steps"] == 30
    assert any(effect["redirected"] and target in effect["target"] for effect in report["effects"]), report["effects"]


@pytest.mark.parametrize("name", REFUSED)
def test_effects_outside_the_copy_are_refused_with_the_reason(doctored, name):
    body, target = REFUSED[name]
    done = doctored(body)
    assert "descend: refused to" in done.stderr and target in done.stderr
    assert done.returncode == 4


@needs_landlock
def test_the_kernel_refuses_effects_that_python_cannot_see(doctored):
    body = """
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.unlink(str(PRECIOUS / "model.pt").encode()) == 0, os.strerror(ctypes.get_errno())
    """
    done = doctored(body, "--sandbox", "landlock")  # in namespaces it is the run's own layer that loses the file
    assert done.returncode == 4 and "AssertionError: Permission denied" in done.stderr
