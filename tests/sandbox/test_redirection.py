"""Changes of files outside the scratch copy by Python code are made in the copy, and later reads find them there."""

import pytest

from descend.doctor.sandbox.landlock import landlock_version

from .sandbox import both, examine, make_world

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path):
    return make_world(tmp_path)


CHANGES = """
    import glob
    import numpy as np
    runs = PRECIOUS.parent / "runs"
    os.makedirs(runs / "a/b")
    os.makedirs(runs / "a/b", exist_ok=True)
    put(runs / "a/b/log.txt", "1")
    put(runs / "a/b/log.txt", "2", "a")
    assert open(runs / "a/b/log.txt").read() == "12" and os.path.exists(runs / "a") and runs.is_dir()
    assert os.listdir(runs) == ["a"] and [e.name for e in os.scandir(runs / "a")] == ["b"]
    assert list(runs.rglob("*.txt")) == [runs / "a/b/log.txt"] and glob.glob(f"{runs}/*/b") == [f"{runs}/a/b"]
    assert {f for _, _, files in os.walk(runs) for f in files} == {"log.txt"}
    np.save(runs / "array.npy", np.ones(3))
    assert np.load(runs / "array.npy", mmap_mode="r").sum() == 3
    put(PRECIOUS / "model.pt", "!", "a")
    assert open(PRECIOUS / "model.pt").read() == "trained for a month!"
    assert sorted(os.listdir(PRECIOUS)) == ["deep", "model.pt"] and (PRECIOUS / "deep/notes.txt").read_text() == "notes"
    assert {f for _, _, files in os.walk(PRECIOUS) for f in files} == {"model.pt", "notes.txt"}
    os.replace(PRECIOUS / "model.pt", PRECIOUS / "old.pt")
    assert not (PRECIOUS / "model.pt").exists() and sorted(os.listdir(PRECIOUS)) == ["deep", "old.pt"]
    os.rename(PRECIOUS / "deep/notes.txt", "taken.txt")
    assert open("taken.txt").read() == "notes" and os.listdir(PRECIOUS / "deep") == []
    put("taken.txt", "mine", "a")
    shutil.rmtree(PRECIOUS)
    assert not PRECIOUS.exists() and "precious" not in os.listdir(PRECIOUS.parent)
    try:
        open(PRECIOUS / "model.pt")
    except FileNotFoundError:
        print("deleted: yes")
    attempt("listed", lambda: os.listdir(PRECIOUS))
    attempt("not a file", lambda: os.remove(ORIGINAL.parent / "empty/inner"))
    attempt("not empty", lambda: os.rmdir(ORIGINAL.parent / "empty"))
    os.rmdir(ORIGINAL.parent / "empty/inner")
    os.rmdir(ORIGINAL.parent / "empty")
    assert not (ORIGINAL.parent / "empty").exists()
    os.makedirs(PRECIOUS)
    assert os.listdir(PRECIOUS) == [] and not (PRECIOUS / "deep").exists()
    put(PRECIOUS / "model.pt", "new", "x")
    os.symlink(PRECIOUS / "model.pt", runs / "latest.pt")
    assert open(runs / "latest.pt").read() == "new" and os.path.islink(runs / "latest.pt")
    put(runs / "latest.pt", "er", "a")
    assert open(PRECIOUS / "model.pt").read() == "newer"
    shutil.copytree(runs, runs.parent / "copied")
    shutil.move(str(runs.parent / "copied"), str(runs.parent / "moved"))
    assert (runs.parent / "moved/a/b/log.txt").stat().st_size == 2
    os.chdir(ORIGINAL.parent / "shared")
    put("new.txt", "x")
    put("../shared/vocabulary.txt", "d", "a")
    assert open(ORIGINAL.parent / "shared/vocabulary.txt").read() == "a b c\\nd"
    assert (ORIGINAL.parent / "shared/new.txt").read_text() == "x"
    os.chdir(os.environ["PWD"])
    put(ORIGINAL / "model.pt", "of this run")
    assert open("model.pt").read() == "of this run"
    put("log.txt", "epoch 2\\n", "a")
    assert open(ORIGINAL / "log.txt").read() == "epoch 1\\nepoch 2\\n"
    os.chmod(ORIGINAL.parent / "shared/vocabulary.txt", 0o600)
    os.utime(ORIGINAL.parent / "shared/vocabulary.txt", (1, 1))
    os.truncate(ORIGINAL.parent / "shared/vocabulary.txt", 2)
    assert os.stat(os.fsencode(ORIGINAL.parent / "shared/vocabulary.txt")).st_size == 2
    print("end: reached")
"""


@both
def test_files_outside_the_copy_are_changed_in_the_copy(world, landlock):
    (world / "empty/inner").mkdir(parents=True)
    outcome = examine(world, CHANGES, landlock=landlock, redirect=True)
    errors = {"listed": "No such file or directory", "not a file": "Is a directory", "not empty": "Directory not empty"}
    assert outcome.said == {"deleted": "yes", **errors, "end": "reached"}, outcome.text
    assert not any(effect.refused for effect in outcome.effects)
    redirected = outcome.redirected("write")
    expected = ("runs", "runs/a/b/log.txt", "precious/model.pt", "project/model.pt", "shared/vocabulary.txt")
    assert {f"{world}/{name}" for name in expected} <= set(redirected)
    assert f"{world}/precious" in outcome.redirected("delete")


def test_files_that_the_run_does_not_change_are_read_where_they_are(world):
    outcome = examine(
        world,
        """
        same = lambda path: open(path).read() and os.path.samefile(path, os.path.realpath(path))
        attempt("read", lambda: same(PRECIOUS / "model.pt") or 1 / 0)
        attempt("listed", lambda: os.listdir(PRECIOUS) and list(os.walk(PRECIOUS)))
        attempt("there already", lambda: os.makedirs(PRECIOUS / "deep", exist_ok=True))
        attempt("missing", lambda: os.remove(PRECIOUS / "nothing"))
        attempt("missing folder", lambda: put(PRECIOUS / "no/model.pt", "x"))
        attempt("exists", lambda: os.mkdir(PRECIOUS / "deep"))
        attempt("not a folder", lambda: os.listdir(PRECIOUS / "model.pt"))
        attempt("a folder", lambda: put(PRECIOUS / "deep", "x"))
        attempt("update", lambda: put(PRECIOUS / "nothing", "x", "r+"))
        """,
        redirect=True,
    )
    said = outcome.said
    assert said["read"] == said["listed"] == said["there already"] == "done", outcome.text
    words = ["No such file", "No such file", "File exists", "Not a directory", "Is a directory", "No such file"]
    for became, expected in zip(list(said.values())[3:], words, strict=True):
        assert expected in became, outcome.text
    assert outcome.effects == []  # only changes that have happened are reported


NAMES = """
    put("alias/model.pt", "by alias")
    attempt("real name", lambda: open(PRECIOUS / "model.pt").read() == "by alias" or 1 / 0)
    put(PRECIOUS / "deep/notes.txt", "by real name")
    put(PRECIOUS / "new.txt", "new")
    attempt("alias", lambda: open("alias/deep/notes.txt").read() == "by real name" or 1 / 0)
    attempt("file", lambda: open("outside.txt").read() == "by real name" or 1 / 0)
    attempt("original alias", lambda: open(ORIGINAL / "alias/deep/notes.txt").read() == "by real name" or 1 / 0)
    attempt("listed", lambda: os.listdir("alias") == os.listdir(PRECIOUS) or 1 / 0)
    attempt("new", lambda: open("alias/new.txt").read() == "new" or 1 / 0)
    put(ORIGINAL.parent / "outer/later.txt", "later")
    attempt("linked outside", lambda: open(PRECIOUS / "later.txt").read() == open("alias/later.txt").read() or 1 / 0)
"""


@both
def test_a_folder_with_two_names_has_one_version(world, landlock):
    (world / "project/alias").symlink_to(world / "precious")
    (world / "outer").symlink_to("precious")
    outcome = examine(world, NAMES, landlock=landlock, redirect=True)
    assert set(outcome.said.values()) == {"done"}, outcome.text
    assert not any(effect.refused for effect in outcome.effects)


CALLS = """
    import bz2, gzip, io, logging, lzma, runpy, tarfile, zipfile
    runs = PRECIOUS.parent / "runs"
    os.makedirs(runs)
    def same(found, expected):
        assert found == expected, (found, expected)
    attempt("file=", lambda: open(file=runs / "file", mode="w"))
    attempt("read file=", lambda: same(open(file=runs / "file").read(), ""))
    attempt("path=", lambda: os.close(os.open(path=runs / "path", flags=os.O_CREAT | os.O_WRONLY)))
    attempt("listdir path=", lambda: same(sorted(os.listdir(path=runs)), ["file", "path"]))
    attempt("bytes", lambda: same(sorted(os.listdir(os.fsencode(runs))), [b"file", b"path"]))
    attempt("scandir", lambda: same(sorted(e.path for e in os.scandir(runs)), [f"{runs}/file", f"{runs}/path"]))
    attempt("scandir of bytes", lambda: same({e.path for e in os.scandir(os.fsencode(runs))},
        {os.fsencode(runs / "file"), os.fsencode(runs / "path")}))
    attempt("entry", lambda: same([e.stat().st_size + e.is_file() for e in os.scandir(runs)], [1, 1]))
    attempt("entry as path", lambda: same([os.path.getsize(e) for e in os.scandir(runs)], [0, 0]))
    attempt("code", lambda: (put(runs / "module.py", "x = 1"), same(runpy.run_path(str(runs / "module.py"))["x"], 1)))
    attempt("import", lambda: (sys.path.append(str(runs)), __import__("module")))
    for module in (bz2, gzip, lzma):
        path = runs / module.__name__
        attempt(module.__name__, lambda: (module.open(path, "wb").close(), same(module.open(path).read(), b"")))
    attempt("tar", lambda: (tarfile.open(runs / "tar", "w").close(), tarfile.open(runs / "tar")))
    attempt("zip", lambda: (zipfile.ZipFile(runs / "zip", "w").close(), zipfile.ZipFile(runs / "zip")))
    attempt("log", lambda: logging.FileHandler(runs / "log"))
    attempt("temporary", lambda: tempfile.NamedTemporaryFile(dir=runs, delete=False))
"""


def test_all_functions_of_the_standard_library_are_redirected(world):
    outcome = examine(world, CALLS, redirect=True)
    assert set(outcome.said.values()) == {"done"}, outcome.text
    assert not any(effect.refused for effect in outcome.effects)


TORCH = """
    import torch
    model = torch.nn.Linear(2, 1)
    runs = PRECIOUS.parent / "runs"
    os.makedirs(runs)
    torch.save(model.state_dict(), runs / "model.pt")
    torch.save(model.state_dict(), PRECIOUS / "model.pt")
    torch.save(obj=model.state_dict(), f=str(runs / "old.pt"), _use_new_zipfile_serialization=False)
    for path in (runs / "model.pt", PRECIOUS / "model.pt", runs / "old.pt"):
        assert torch.load(path)["weight"].equal(model.weight)
    assert torch.load(str(runs / "model.pt"), mmap=True)["weight"].equal(model.weight)
    torch.jit.script(model).save(runs / "scripted.pt")
    assert torch.jit.load(runs / "scripted.pt").weight.equal(model.weight)
    class Files(torch.utils.data.Dataset):
        def __len__(self):
            return 4
        def __getitem__(self, index):
            put(runs / f"seen{index}.txt", str(index))
            return torch.load(runs / "model.pt")["weight"]
    print("batches:", len(list(torch.utils.data.DataLoader(Files(), num_workers=2, multiprocessing_context="fork"))))
    assert sorted(p.name for p in runs.glob("seen*")) == [f"seen{i}.txt" for i in range(4)]
"""


def test_checkpoints_and_forked_workers_are_redirected(world):
    outcome = examine(world, TORCH, landlock=bool(landlock_version()), torch=True, redirect=True)
    assert outcome.said == {"batches": "4"}, outcome.text
    assert not any(effect.refused for effect in outcome.effects)


RANDOM = """
    import random
    NAMES = ["a", "d", "d/x", "d/y", "e", "e/z", "d/new", "new"]
    def read(path):
        with open(path) as file:
            return file.read()
    CALLS = [
        lambda p, q: put(p, "w"), lambda p, q: put(p, "+", "a"), lambda p, q: put(p, "x", "x"),
        lambda p, q: put(p, "r", "r+"), lambda p, q: read(p), lambda p, q: read(p),
        lambda p, q: os.mkdir(p), lambda p, q: os.makedirs(p, exist_ok=True), lambda p, q: os.remove(p),
        lambda p, q: os.rmdir(p), lambda p, q: shutil.rmtree(p), lambda p, q: os.rename(p, q),
        lambda p, q: os.replace(p, q), lambda p, q: sorted(os.listdir(p)), lambda p, q: os.path.isdir(p),
        lambda p, q: os.path.exists(p), lambda p, q: os.truncate(p, 1), lambda p, q: bool(shutil.copy(p, q)),
        lambda p, q: os.path.isfile(p) and os.stat(p).st_size, lambda p, q: os.link(p, q),
        lambda p, q: sorted(e.name for e in os.scandir(p) if e.is_file()), lambda p, q: bool(shutil.move(p, q)),
        lambda p, q: os.symlink(os.path.basename(p), q), lambda p, q: os.path.lexists(p),
        lambda p, q: os.path.samefile(p, q), lambda p, q: os.access(p, os.R_OK),
    ]
    def outcome(call, *paths):
        try:
            return repr(call(*paths))
        except OSError as error:
            return errno.errorcode.get(error.errno, type(error).__name__)
    def tree(top):
        files = sorted(f"{folder}/{name}" for folder, _, names in os.walk(top) for name in names)
        folders = sorted(folder for folder, _, _ in os.walk(top))
        return [(path.removeprefix(top), outcome(read, path)) for path in files], [f.removeprefix(top) for f in folders]
    for number in range(COUNT):
        draw, redirected, plain = random.Random(number), str(PRECIOUS / f"{number}"), os.path.abspath(f"plain{number}")
        for folder in ("d", "e"):
            os.makedirs(f"{plain}/{folder}")
        for name in ("a", "d/x", "d/y", "e/z"):
            put(f"{plain}/{name}", name)
        said = []
        for _ in range(25):
            call, names = draw.randrange(len(CALLS)), draw.choices(NAMES, k=2)
            here, there = (outcome(CALLS[call], *(f"{top}/{n}" for n in names)) for top in (redirected, plain))
            said.append((call, names, here, there))
            assert here == there, (number, said)
        assert tree(redirected) == tree(plain), (number, said, tree(redirected), tree(plain))
    print("compared:", COUNT)
"""


def test_random_changes_have_the_same_results_as_in_an_ordinary_folder(world):
    count = 60
    for number in range(count):
        for name in ("a", "d/x", "d/y", "e/z"):
            path = world / "precious" / str(number) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
    outcome = examine(world, RANDOM.replace("COUNT", str(count)), redirect=True)
    assert outcome.said["compared"] == str(count), outcome.text
    assert outcome.redirected("write") and outcome.redirected("delete") and not outcome.refused("write")


REPEATED = """
    from descend.doctor.sandbox.redirection import Redirection
    path, folder = str(PRECIOUS / "deep/notes.txt"), str(PRECIOUS / "deep")
    calls, locate = [], Redirection.locate
    Redirection.locate = lambda *arguments: calls.append(arguments) or locate(*arguments)
    for _ in range(100):
        os.stat(path)
        open(path).close()
    print("resolved:", len(calls))
    put(PRECIOUS / "model.pt", "x")
    os.stat(path)
    assert open(path).read() == "notes"
    put(path, "changed")
    assert open(path).read() == "changed" and os.stat(path).st_size == 7
    put(f"{folder}/new.txt", "new")
    assert os.stat(f"{folder}/new.txt").st_size == 3
    shutil.rmtree(folder)
    print("exists:", os.path.exists(path), os.path.exists(f"{folder}/new.txt"))
"""


def test_a_path_that_is_read_often_is_found_quickly_until_it_changes(world):
    outcome = examine(world, REPEATED, redirect=True)
    assert outcome.said["exists"] == "False False", outcome.text
    assert outcome.said["resolved"] == "1", outcome.text  # resolving a path takes 25 to 40 times as long as os.stat
