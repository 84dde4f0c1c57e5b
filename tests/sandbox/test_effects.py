"""Scripts that would destroy their owner's files are run: every original file is unchanged, byte for byte."""

import os
import subprocess
import sys

import pytest

from descend.doctor.record import Effect

from .sandbox import both, examine, make_world


@pytest.fixture
def world(tmp_path):
    return make_world(tmp_path)


DESTRUCTIVE = """
    import numpy as np
    attempt("write", lambda: put(PRECIOUS / "model.pt", "gone"))
    attempt("append", lambda: put(PRECIOUS / "model.pt", "gone", "a"))
    attempt("update", lambda: put(PRECIOUS / "model.pt", "gone", "r+"))
    attempt("create", lambda: put(PRECIOUS / "new.txt", "x", "x"))
    attempt("hard-coded", lambda: put(ORIGINAL / "model.pt", "gone"))
    attempt("save", lambda: np.save(PRECIOUS / "array.npy", np.ones(3)))
    attempt("map", lambda: np.memmap(PRECIOUS / "model.pt", dtype="u1", mode="r+"))
    attempt("os.open", lambda: os.close(os.open(PRECIOUS / "model.pt", os.O_RDWR)))
    attempt("truncate", lambda: os.truncate(PRECIOUS / "model.pt", 0))
    attempt("remove", lambda: os.remove(PRECIOUS / "model.pt"))
    attempt("unlink", lambda: (PRECIOUS / "deep/notes.txt").unlink())
    attempt("rmtree", lambda: shutil.rmtree(PRECIOUS))
    attempt("rmtree quietly", lambda: shutil.rmtree(PRECIOUS / "deep", ignore_errors=True))
    attempt("rename", lambda: os.rename(PRECIOUS / "model.pt", PRECIOUS / "old.pt"))
    attempt("replace", lambda: os.replace("log.txt", PRECIOUS / "model.pt"))
    attempt("take", lambda: os.rename(PRECIOUS / "model.pt", "taken.pt"))
    attempt("move", lambda: shutil.move(str(PRECIOUS / "model.pt"), "moved.pt"))
    attempt("copy", lambda: shutil.copy("log.txt", PRECIOUS / "log.txt"))
    attempt("mkdir", lambda: os.makedirs(PRECIOUS / "a/b"))
    attempt("chmod", lambda: os.chmod(PRECIOUS / "model.pt", 0))
    attempt("utime", lambda: os.utime(PRECIOUS / "model.pt"))
    attempt("hard link", lambda: os.link(PRECIOUS / "model.pt", "hard.pt"))
    attempt("symlink", lambda: os.symlink("x", PRECIOUS / "link"))
    attempt("sqlite", lambda: sqlite3.connect(PRECIOUS / "new.db"))
    attempt("descriptor", lambda: os.fchmod(os.open(PRECIOUS, os.O_RDONLY), 0o700))
    attempt("rm", lambda: subprocess.run(["rm", "-rf", PRECIOUS]))
    attempt("shell", lambda: os.system(f"echo x > {PRECIOUS}/model.pt"))
    attempt("python", lambda: subprocess.run([sys.executable, "-c", "print(1)"]))
    attempt("exec", lambda: os.execv("/bin/rm", ["echo", str(PRECIOUS / "model.pt")]))
    attempt("spawn", lambda: os.posix_spawn("/bin/rm", ["rm", str(PRECIOUS / "model.pt")], {}))
    attempt("connect", lambda: socket.create_connection(("192.0.2.1", 80), timeout=1))
    attempt("send", lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 80)))
    os.chdir(PRECIOUS)
    attempt("relative", lambda: put("model.pt", "gone"))
    os.chdir("deep")
    attempt("deeper", lambda: put("../model.pt", "gone"))
    folder = os.open("..", os.O_RDONLY)
    os.chdir(os.environ["PWD"])
    attempt("folder", lambda: os.close(os.open("model.pt", os.O_WRONLY | os.O_TRUNC, dir_fd=folder)))
    attempt("unlink in folder", lambda: os.unlink("model.pt", dir_fd=folder))
    attempt("rename in folder", lambda: os.rename("model.pt", "y", src_dir_fd=folder, dst_dir_fd=folder))
"""


@pytest.mark.slow
@both
def test_a_destructive_script_destroys_nothing(world, landlock):
    outcome = examine(world, DESTRUCTIVE, landlock=landlock)
    precious = str(world / "precious")
    quiet = {"rmtree quietly"}
    for name, became in outcome.said.items():
        assert name in quiet or became.startswith("descend: refused to "), f"{name}: {became}"
        assert name in quiet or became.endswith("Use --allow-effects to permit effects outside the doctor's copy")
    assert len(outcome.said) == 37
    assert set(outcome.refused("write")) == {
        f"{precious}/{name}" for name in ("model.pt", "new.txt", "array.npy", "log.txt", "a", "link", "new.db", "deep")
    } - {f"{precious}/deep"} | {precious, str(world / "project/model.pt")}
    assert set(outcome.refused("delete")) == {precious, f"{precious}/model.pt", f"{precious}/deep/notes.txt"}
    assert f"{precious}/model.pt to {precious}/old.pt" in outcome.refused("rename")
    assert f"{precious}/model.pt to {world}/project/taken.pt" in outcome.refused("rename")
    assert f"rm -rf {precious}" in outcome.refused("process")
    assert len(outcome.refused("process")) == 5
    assert outcome.refused("connection") == ["192.0.2.1:80"]


@pytest.mark.slow
def test_with_allow_effects_all_effects_happen_and_are_reported(world):
    outcome = examine(
        world,
        """
        put(PRECIOUS / "model.pt", "new")
        os.rename(PRECIOUS / "model.pt", PRECIOUS / "newer.pt")
        shutil.rmtree(PRECIOUS / "deep")
        subprocess.run(["touch", str(PRECIOUS / "touched")], check=True)
        put("model.pt", "in the copy")
        server = socket.create_server(("127.0.0.1", 0))
        socket.create_connection(server.getsockname()).close()
        """,
        allow=True,
    )
    precious = world / "precious"
    assert sorted(os.listdir(precious)) == ["newer.pt", "touched"]
    assert (precious / "newer.pt").read_text() == "new"
    assert (world / "project/model.pt").read_bytes() == b"trained for a week"
    assert outcome.effects == [
        Effect("write", f"{precious}/model.pt", False),
        Effect("rename", f"{precious}/model.pt to {precious}/newer.pt", False),
        Effect("delete", f"{precious}/deep", False),
        Effect("process", f"touch {precious}/touched", False),
    ]


@pytest.mark.slow
def test_a_repeated_effect_is_reported_once(world):
    outcome = examine(
        world,
        """
        for epoch in range(100):
            attempt(f"epoch {epoch}", lambda: put(PRECIOUS / "model.pt", "x"))
        for i in range(1500):
            try:
                put(PRECIOUS / f"{i}.pt", "x")
            except PermissionError:
                continue
        """,
    )
    assert len(outcome.said) == 100
    assert len(outcome.effects) == 1000


@pytest.mark.slow
def test_a_secret_on_a_command_line_is_not_reported(world):
    outcome = examine(world, """attempt("x", lambda: subprocess.run(["curl", "--token", "hunter2"]))""")
    assert outcome.refused("process") == ["curl --token ***"]
    assert "hunter2" not in outcome.text


def test_after_stop_nothing_is_refused_and_no_function_is_wrapped(tmp_path):
    program = f"""
import os, json, types
from pathlib import Path
from descend.doctor.sandbox.effects import watch_effects, wrap_native_writers
opened, reported = os.open, []
watch = watch_effects([Path({str(tmp_path)!r}) / "free"], (Path("/a"), Path("/b")), reported.append)
torch = types.ModuleType("torch")
torch.save = saved = lambda obj, f: None
wrap_native_writers(torch, watch)
assert os.open is not opened and torch.save is not saved
try:
    open({str(tmp_path)!r} + "/x", "w")
except PermissionError as error:
    print(error.strerror)
watch.stop()
assert os.open is opened and torch.save is saved and os.open in os.supports_dir_fd
open({str(tmp_path)!r} + "/x", "w").close()
print(len(reported))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert first == (
        f"descend: refused to write {tmp_path}/x. Use --allow-effects to permit effects outside the doctor's copy"
    )
    assert second == "1"


def test_an_effect_is_refused_even_if_its_report_fails(tmp_path):
    program = f"""
from pathlib import Path
from descend.doctor.sandbox.effects import watch_effects
def report(effect):
    open({str(tmp_path)!r} + "/log", "a").write("x")  # refused, too
    raise RuntimeError
watch_effects([], (Path("/a"), Path("/b")), report)
try:
    open({str(tmp_path)!r} + "/x", "w")
except PermissionError:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "refused\n", done.stderr
    assert os.listdir(tmp_path) == []


def test_the_script_s_interpreter_needs_nothing_but_the_standard_library():
    check = (
        "import sys, descend.doctor.sandbox.effects, descend.doctor.sandbox.landlock, descend.doctor.sandbox.imports;"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'numpy', 'sqlalchemy', 'torch', 'libcst'}))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_a_process_started_by_an_installed_library_names_the_library(world):
    outcome = examine(
        world,
        """
        import pathlib
        home = pathlib.Path("site-packages/plotter")
        home.mkdir(parents=True)
        (home / "__init__.py").write_text("import subprocess; subprocess.run(['fonts', '--list'])")
        sys.path.insert(0, str(home.parent.absolute()))
        attempt("import", lambda: __import__("plotter"))
        attempt("own", lambda: subprocess.run(["fonts", "--all"]))
        """,
    )
    assert [effect.by for effect in outcome.effects] == ["plotter", ""]
