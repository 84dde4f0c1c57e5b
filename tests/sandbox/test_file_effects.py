"""Changes that a script may make in its copy, and calls that only Python or the kernel refuses."""

import os
import sqlite3

import pytest

from .sandbox import both, examine, make_world, needs_landlock

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path):
    return make_world(tmp_path)


IN_ITS_COPY = """
    import numpy as np
    for epoch in range(3):
        put("model.pt", f"checkpoint {epoch}")
    attempt("log", lambda: put("log.txt", "epoch 2\\n", "a"))
    attempt("map", lambda: np.memmap("data/table.npy", dtype="u1", mode="r+").__setitem__(0, 7))
    attempt("replace", lambda: (put("model.tmp", "new"), os.replace("model.tmp", "model.pt")))
    attempt("through a link", lambda: put("latest.pt", "newest", "r+"))
    attempt("through a link out", lambda: put("outside.txt", "!", "a"))
    attempt("rmtree", lambda: shutil.rmtree("runs"))
    attempt("mkdir", lambda: os.makedirs("runs/new/deep"))
    attempt("next to it", lambda: put("../shared/vocabulary.txt", "d", "a"))
    attempt("new next to it", lambda: put("../shared/new.txt", "x"))
    attempt("chmod", lambda: os.chmod("data/table.npy", 0o600))
    attempt("utime", lambda: os.utime("data/table.npy", (1, 1)))
    attempt("truncate", lambda: os.truncate("data/table.npy", 8))
    attempt("hard link", lambda: os.link("log.txt", "log2.txt"))
    attempt("hard linked", lambda: put("log2.txt", "more", "a"))
    attempt("own link", lambda: (os.symlink(ORIGINAL / "data/table.npy", "mine"), put("mine", "x", "a")))
    attempt("own folder link", lambda: (os.symlink(PRECIOUS, "theirs"), put("theirs/model.pt", "x", "a")))
    attempt("renamed link", lambda: (os.rename("data/table.npy", "data/t"), put("data/t", "x", "a")))
    attempt("removed link", lambda: os.remove("latest.pt"))
    attempt("temporary", lambda: tempfile.NamedTemporaryFile())
    attempt("temporary folder", lambda: tempfile.TemporaryDirectory().cleanup())
    attempt("home cache", lambda: put(Path(os.environ["XDG_CACHE_HOME"], "x"), "x"))
    attempt("null", lambda: put("/dev/null", "x"))
    attempt("stderr", lambda: put("/dev/stderr", ""))
    attempt("shared memory", lambda: put("/dev/shm/descend-test", "x"))
    os.remove("/dev/shm/descend-test")
    os.chdir("../shared")
    attempt("after chdir", lambda: put("vocabulary.txt", "e", "a"))
    attempt("where", lambda: os.path.samefile(os.getcwd(), os.environ["PWD"] + "/../shared") or 1 / 0)
    os.chdir("../project")
    folder = os.open("data", os.O_RDONLY)
    attempt("in a folder", lambda: os.close(os.open("t", os.O_WRONLY | os.O_TRUNC, dir_fd=folder)))
    attempt("database", lambda: sqlite3.connect("runs.db").execute("create table t (x)"))
    attempt("exclusive", lambda: put("fresh.txt", "x", "x"))
    assert open("model.pt").read() == "newest" and open("log.txt").read() == "epoch 1\\nepoch 2\\nmore"
    assert open("outside.txt").read() == "notes!" and open("log2.txt").read() == open("log.txt").read()
    assert open("theirs/model.pt").read() == "trained for a monthx"
    assert open("../shared/vocabulary.txt").read() == "a b c\\nde"
    assert Path("fresh.txt").exists() and not Path("runs/old").exists()
"""


@both
def test_a_script_may_change_any_file_in_its_copy(world, landlock):
    outcome = examine(world, IN_ITS_COPY, landlock=landlock)
    assert set(outcome.said.values()) == {"done"}, outcome.text
    assert outcome.effects == []


@both
def test_reading_is_permitted_everywhere(world, landlock):
    outcome = examine(
        world,
        """
        attempt("read", lambda: open(PRECIOUS / "model.pt", "rb"))
        attempt("list", lambda: os.listdir(PRECIOUS))
        attempt("walk", lambda: list(os.walk(PRECIOUS)))
        attempt("made already", lambda: os.makedirs(PRECIOUS / "deep", exist_ok=True))
        attempt("copied from", lambda: shutil.copytree(PRECIOUS, "copied"))
        attempt("gone already", lambda: shutil.rmtree(PRECIOUS / "nothing", ignore_errors=True))
        attempt("modules", lambda: __import__("wave"))
        """,
        landlock=landlock,
    )
    assert set(outcome.said.values()) == {"done"}, outcome.text
    assert outcome.effects == []


def test_errors_of_python_calls_are_unchanged(world):
    outcome = examine(
        world,
        """
        attempt("a", lambda: os.remove(PRECIOUS / "nothing"))
        attempt("b", lambda: os.mkdir(PRECIOUS / "deep"))
        attempt("c", lambda: open("nowhere/x", "w"))
        attempt("d", lambda: open("model.pt", "x"))
        attempt("e", lambda: open("bad\\0name", "w"))
        attempt("f", lambda: os.rename("nothing", "x"))
        os.symlink("round", "round")
        attempt("g", lambda: open("round", "w"))
        attempt("h", lambda: open("data", "w"))
        """,
    )
    words = ["No such file", "File exists", "No such file", "File exists", "null byte", "No such file"]
    words += ["Too many levels", "Is a directory"]
    for became, expected in zip(outcome.said.values(), words, strict=True):
        assert expected in became
    assert outcome.effects == []


def test_appending_to_a_linked_file_copies_its_mode_and_time(world):
    table = world / "project/data/table.npy"
    table.chmod(0o640)
    os.utime(table, (5, 5))
    outcome = examine(
        world,
        """
        with open("data/table.npy", "ab"):
            found = os.lstat("data/table.npy")
            print(f"mode: {found.st_mode:o} {found.st_mtime} {found.st_size}")
        """,
    )
    assert outcome.said["mode"] == "100640 5.0 400"


def test_a_read_only_file_keeps_its_contents(world):
    (world / "project/model.pt").chmod(0o444)
    outcome = examine(
        world,
        """
        os.seteuid(65534) if os.getuid() == 0 else None
        attempt("write", lambda: open("model.pt", "w"))
        os.seteuid(os.getuid())
        print("kept:", open("model.pt").read())
        """,
    )
    assert outcome.said["write"] != "done"
    assert outcome.said["kept"] == "trained for a week"


def test_a_file_that_cannot_be_copied_is_refused_with_a_message(world):
    with open(world / "project/huge.bin", "wb") as huge:
        huge.truncate(1 << 43)  # a hole of 8 TiB
    outcome = examine(world, """attempt("append", lambda: open("huge.bin", "ab"))""")
    assert outcome.said["append"].startswith("descend: ")
    assert "huge.bin cannot be copied: No space left on device" in outcome.said["append"]


@needs_landlock
def test_a_database_outside_the_copy_can_be_read_if_the_kernel_protects_it(world):
    base = sqlite3.connect(world / "precious/data.db")
    base.executescript("create table t (x); insert into t values (7)")
    base.close()
    script = """
        def run(query):
            return sqlite3.connect(PRECIOUS / "data.db").execute(query).fetchone()
        attempt("open", lambda: print("read:", run("select x from t")))
        attempt("write", lambda: run("insert into t values (8)"))
    """
    guarded = examine(world, script, landlock=True)
    assert guarded.said["read"] == "(7,)" and "readonly database" in guarded.said["write"]
    unguarded = examine(world, script)
    assert unguarded.said["open"].startswith("descend: refused to write")


def test_a_database_in_the_working_directory_is_copied_with_its_log(world):
    base = sqlite3.connect(world / "project/data.db")
    base.executescript("pragma journal_mode=wal; create table t (x); insert into t values (7)")
    try:
        outcome = examine(
            world,
            """
            base = sqlite3.connect("data.db")
            base.execute("insert into t values (8)")
            base.commit()
            print("rows:", base.execute("select x from t").fetchall())
            """,
        )
        assert outcome.said["rows"] == "[(7,), (8,)]"
        assert base.execute("select x from t").fetchall() == [(7,)]
    finally:
        base.close()
