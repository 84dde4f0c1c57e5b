"""A script that attacks through the redirection of its files: no file outside its copy changes, at any level.

Each attempt either reaches the run's own version of a file or is refused. The runs see nothing of each other.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sampling import sampled

from .world import LEVELS, consulted, skip_unless_reached, state

ATTEMPTS = """
    import functools, io, posix, shutil, subprocess, threading
    import torch
    kept, folder = {kept!r}, {folder!r}
    class Text(str):
        def startswith(self, *arguments):
            return True
        def __str__(self):
            return "harmless"
    class Changing(os.PathLike):
        names = iter(["harmless"])
        def __fspath__(self):
            return next(self.names, kept)
    def put(path, text="x", mode="a"):
        with open(path, mode) as file:
            file.write(text)
        return "done"
    def in_thread(action):
        thread = threading.Thread(target=action)
        thread.start()
        thread.join()
    def swapped():
        os.makedirs("swap", exist_ok=True)
        os.rmdir("swap")
        os.symlink(folder, "swap")
        put("swap/kept")
        os.remove("swap/kept") or os.rename("swap", "swapped")
        put("swapped/kept")
    def renamed_folder():
        shutil.move(folder + "/inner", folder + "/moved")
        put(folder + "/moved/notes")
        os.rename(folder + "/moved", "taken")
        put("taken/notes")
    def opened_folder():
        found = os.open(folder, os.O_RDONLY)
        os.close(os.open("kept", os.O_WRONLY | os.O_TRUNC, dir_fd=found))
    def entered():
        here = os.getcwd()
        os.chdir(folder)
        try:
            put("kept")
            put("../" + os.path.basename(folder) + "/kept")
            put("/proc/self/cwd/kept")
            os.fchdir(os.open("inner", os.O_RDONLY))
            put("notes")
            put("../kept")
        finally:
            os.chdir(here)
    def by_worker():
        if os.fork() == 0:
            try:
                put(kept)
                put(folder + "/from_worker")
            finally:
                os._exit(0)
        os.wait()
        return os.path.exists(folder + "/from_worker")
    attacks = dict(
        plain=lambda: put(kept),
        truncated=lambda: put(kept, mode="w"),
        dots=lambda: put(folder + "/inner/../kept"),
        link=lambda: (os.symlink(kept, "link"), put("link")),
        link_outside=lambda: (os.symlink(kept, folder + "/link"), put(folder + "/link")),
        hard_link=lambda: (os.link(kept, "hard"), put("hard")),
        hard_link_outside=lambda: (os.link(kept, folder + "/hard"), put(folder + "/hard")),
        swapped=swapped,
        opened_folder=opened_folder,
        entered=entered,
        root=lambda: put("/proc/self/root" + kept),
        reopened=lambda: os.open(f"/proc/self/fd/{{os.open(kept, os.O_RDONLY)}}", os.O_WRONLY | os.O_TRUNC),
        text=lambda: put(Text(kept)),
        encoded=lambda: put(os.fsencode(kept)),
        changing=lambda: put(Changing()),
        stored=lambda: io.FileIO(kept, "w"),
        in_posix=lambda: posix.unlink(kept),
        unwrapped=lambda: getattr(os.open, "__wrapped__", os.open)(kept, os.O_WRONLY | os.O_TRUNC),
        thread=lambda: in_thread(lambda: put(kept)),
        worker=by_worker,
        mode=lambda: os.chmod(kept, 0o777),
        mode_of_opened=lambda: os.fchmod(os.open(kept, os.O_RDONLY), 0o777),
        times=lambda: os.utime(folder, (1, 1)),
        own_folder=lambda: os.chmod(os.path.dirname(os.environ["TMPDIR"]), 0o755),
        saved=lambda: torch.save(torch.ones(1), kept),
        own_source=lambda: put({source!r}, "raise SystemExit(3)", "w"),
        renamed_folder=renamed_folder,
        removed=lambda: os.remove(kept),
        tree=lambda: shutil.rmtree(folder),
        remade=lambda: (os.makedirs(folder), put(kept, "of this run")),
    )
    for name, attack in attacks.items():
        attempt(name, attack)
    attempt("seen", lambda: (os.listdir(folder), open(kept).read()))
    attempt("a second rmtree", lambda: shutil.rmtree(folder))
    attempt("gone", lambda: (os.path.exists(kept), os.path.exists(folder)))
"""


@pytest.fixture(params=["/var/tmp", "~"])
def outside(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder with files that no run may change; it is in no folder of the script."""
    with tempfile.TemporaryDirectory(dir=os.path.expanduser(request.param), prefix=".descend-attack-") as made:
        folder = Path(made)
        (folder / "inner").mkdir()
        (folder / "kept").write_text("kept")
        (folder / "inner/notes").write_text("notes")
        yield folder


def tree(folder: Path) -> dict[str, object]:
    """Everything in a folder that must not change."""
    found = folder.stat()
    files = {str(path.relative_to(folder)): state(path) if path.is_file() else None for path in folder.rglob("*")}
    return {**files, ".": (found.st_mode, found.st_mtime_ns)}


@pytest.mark.slow
@pytest.mark.parametrize("level", sampled(LEVELS, "namespaces", "landlock"))
def test_no_attempt_changes_a_file_outside(tmp_path, level, outside):
    skip_unless_reached(level)
    if (level == "landlock") is (outside.parent == Path.home()):  # each level is tried with one of the two folders
        pytest.skip("tried with the other folder")
    before, source = tree(outside), tmp_path / "project/train.py"
    attack = ATTEMPTS.format(kept=str(outside / "kept"), folder=str(outside), source=str(source))
    record, said = consulted(tmp_path, level, attack)
    assert tree(outside) == before, said
    assert "SystemExit" not in source.read_text().replace('"raise SystemExit(3)"', "").replace("'raise", "")
    assert said["plain"] == said["truncated"] == "'done'", said
    assert said["worker"] == "True", said
    assert said["seen"] == "(['kept'], 'of this run')", said
    assert said["own_folder"].startswith("descend: refused to write"), said
    assert said["gone"] == "(False, False)", said
    assert said["renamed_folder"] == "None", said
    is_in_kernel = level == "namespaces"
    for name in ("stored", "unwrapped"):
        assert said[name].startswith("descend: refused") is not is_in_kernel, said
    assert any(effect.redirected and effect.target == str(outside / "kept") for effect in record.effects)
    _, second = consulted(
        tmp_path,
        level,
        f"""
        attempt("seen", lambda: (sorted(os.listdir({str(outside)!r})), open({str(outside / "kept")!r}).read()))
    """.replace("        ", "    "),
    )
    assert second["seen"] == "(['inner', 'kept'], 'kept')"
