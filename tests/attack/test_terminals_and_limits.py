"""A script's own terminals, its repository, the limits of its keeper, and races between a check and the kernel."""

import ast
import os
import subprocess
from pathlib import Path

import pytest
from complaints import one_line
from sampling import sampled

from descend.doctor.sandbox.landlock import landlock_version
from descend.doctor.sandbox.promises import DIFFERENCES, LEVELS, RACES, unprevented_effects

from .kept_patches import keep_patch
from .world import consulted, skip_unless_reached

pytestmark = pytest.mark.slow
TERMINALS = """
    import fcntl, pty, struct, termios, tty
    def spoken():
        leader, terminal = os.openpty()
        tty.setraw(terminal)
        os.write(leader, b"in")
        read = os.read(terminal, 10)
        os.write(terminal, b"out")
        return read + os.read(leader, 10)
    def sized():
        leader, terminal = os.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 7, 9, 0, 0))
        return struct.unpack("HHHH", fcntl.ioctl(leader, termios.TIOCGWINSZ, bytes(8)))[:2]
    def opened_by_name():
        leader, terminal = os.openpty()
        again = os.open(os.ttyname(terminal), os.O_RDWR | os.O_NOCTTY)
        os.write(again, b"x")
        return os.read(leader, 1)
    attempt("spoken", spoken)
    attempt("sized", sized)
    attempt("opened_by_name", opened_by_name)
"""


@pytest.mark.parametrize("level", sampled(LEVELS, "landlock"))
def test_a_script_has_terminals_of_its_own(tmp_path, level):
    skip_unless_reached(level)
    record, said = consulted(tmp_path, level, TERMINALS)
    refused_by = {"namespaces": "refused", "landlock": "Permission denied", "hooks": "refused"}[level]
    assert refused_by in said["opened_by_name"] and any("terminals opened by name" in line for line in DIFFERENCES)
    if level == "landlock":
        assert {said["spoken"], said["sized"]} <= {"b'inout'", "(7, 9)", "Permission denied"}
        assert any("new terminals (openpty)" in line for line in DIFFERENCES)
    else:
        assert (said["spoken"], said["sized"]) == ("b'inout'", "(7, 9)"), record.effects


def git(folder: Path, *words: str) -> str:
    settings = ("protocol.file.allow=always", "user.name=a", "user.email=a@b", "safe.directory=*")
    command = ["git", *(word for setting in settings for word in ("-c", setting)), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("level", sampled(LEVELS, "namespaces"))
def test_git_answers_in_a_repository_with_a_submodule(tmp_path, level):
    skip_unless_reached(level)
    for name in ("project", "part"):
        (tmp_path / name).mkdir()
        git(tmp_path / name, "init", "-q")
        (tmp_path / name / "file").write_text(name)
        git(tmp_path / name, "add", "file")
        git(tmp_path / name, "commit", "-q", "-m", "first")
    project = tmp_path / "project"
    git(project, "submodule", "add", "-q", str(tmp_path / "part"), "part")
    git(project, "commit", "-q", "-m", "second")
    (project / "part" / "file").write_text("changed")
    attack = """
        import subprocess
        def answered(*words, folder="."):
            done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
            return done.stdout.split() if done.returncode == 0 else done.stderr
        attempt("status", lambda: answered("status", "--porcelain"))
        attempt("inside", lambda: answered("status", "--porcelain", folder="part"))
        attempt("commits", lambda: [answered("-C", name, "rev-parse", "HEAD")[0] for name in (".", "part")] == {})
    """.replace("{}", str([git(folder, "rev-parse", "HEAD") for folder in (project, project / "part")]))
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    _, said = consulted(tmp_path, level, attack)
    status = ast.literal_eval(said["status"])
    pairs = {name: mark for mark, name in zip(status[::2], status[1::2], strict=True)}
    assert pairs["part"] == "M" and pairs["train.py"] == "??" and {*pairs.values()} <= {"M", "??", "T"}, pairs
    assert said["inside"] == str(["M", "file"]) and said["commits"] == "True", said
    assert "T" not in pairs.values() or any("a changed type (T)" in line for line in DIFFERENCES)
    assert {path: path.read_bytes() for path in before} == before


# A CPU limit is left out: it kills the keeper once the keeper has used a second, which depends on the machine.
LIMITS = """
    import resource
    def limited(process, name):
        return native("prlimit", process, getattr(resource, name), (ctypes.c_uint64 * 2)(0, 0), None)
    for process in {1, os.getppid()}:  # in the namespace both are the run's own
        for name in dir(resource):
            if name.startswith("RLIMIT_") and name != "RLIMIT_CPU":
                attempt(f"{process} {name}", limited(process, name))
"""


def test_limits_of_the_keeper_set_from_c_neither_end_the_run_nor_leave_its_namespace(tmp_path):
    skip_unless_reached("namespaces")
    before = Path("/proc/self/limits").read_text()
    _, said = consulted(tmp_path, "namespaces", LIMITS)  # its status, and what it says, come from the keeper
    assert len(said) >= 10, said
    assert Path("/proc/self/limits").read_text() == before


RACE = """
    import threading
    Path("mine").write_text("mine")
    os.symlink("mine", "link")
    over = threading.Event()
    def exchange():
        while not over.is_set():
            for target in ("mine", {target!r}):
                os.symlink(target, "other")
                os.replace("other", "link")
    threading.Thread(target=exchange, daemon=True).start()
    until = time.monotonic() + 2
    while time.monotonic() < until:
        attempt("opened", lambda: os.close(os.open("link", os.O_WRONLY | os.O_APPEND)))
        attempt("written", lambda: Path("link").write_text("theirs"))
    over.set()
"""


@pytest.mark.parametrize("level", sampled(LEVELS, "landlock"))
def test_a_path_that_changes_between_the_check_and_the_kernel_is_held_back_or_announced(tmp_path, level):
    skip_unless_reached(level)
    target = tmp_path / "kept"
    target.write_text("kept")
    consulted(tmp_path, level, RACE.format(target=str(target)))
    is_open = "writes to files" in unprevented_effects(level, landlock_version())
    assert target.read_text() == "kept" or is_open
    page = Path(__file__).parents[2] / "docs" / "safety.md"
    assert RACES in " ".join(page.read_text().split())


OUTPUTS = ["a pipe", "a link", "a link to nothing", "a second name", "a folder", "a link to itself", "below a file"]


@pytest.mark.parametrize("kind", OUTPUTS)
def test_an_export_neither_waits_nor_writes_through_what_has_its_name(descend_here, tmp_path, kind):
    keep_patch(tmp_path, "train.py")
    (tmp_path / "precious").write_text("precious")
    out = tmp_path / "out"
    if kind == "a pipe":
        os.mkfifo(out)
    elif kind == "a second name":
        os.link(tmp_path / "precious", out)
    elif kind == "a folder":
        out.mkdir()
    elif kind == "below a file":
        out = tmp_path / "precious" / "out"
    else:
        out.symlink_to({"a link": "precious", "a link to nothing": "none", "a link to itself": "out"}[kind])
    done = descend_here("export", "-o", str(out))
    is_written = kind in ("a link", "a link to nothing", "a second name", "a link to itself")
    assert done.returncode == (0 if is_written else 2) and one_line(done.stderr) is not is_written, done.stderr
    assert (tmp_path / "precious").read_text() == "precious" and not (tmp_path / "none").exists()
    if is_written:
        assert out.read_bytes()[:4] == b"PAR1" and not out.is_symlink() and out.stat().st_mode & 0o777 == 0o600


def test_an_export_is_written_into_a_pipe_that_is_read(descend_here, tmp_path):
    keep_patch(tmp_path, "train.py")
    os.mkfifo(tmp_path / "out")
    reader = os.open(tmp_path / "out", os.O_RDONLY | os.O_NONBLOCK)
    done = descend_here("export", "-o", "out")
    assert done.returncode == 0 and os.read(reader, 1 << 20)[:4] == b"PAR1"
    os.close(reader)
