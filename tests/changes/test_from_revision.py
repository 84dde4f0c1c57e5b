"""The script at a git revision: old texts, deleted files, settings, and one line if there is no such revision."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from descend.core.errors import UsageError
from descend.doctor.changes.from_revision import at_revision, find_revision
from descend.doctor.sandbox.scratch import scratch_copy
from descend.doctor.script.script import Script
from descend.doctor.script.source_snapshot import MOST_SETTINGS, SourceSnapshot

USER = ("-c", "user.name=x", "-c", "user.email=x", "-c", "commit.gpgsign=false", "-c", "core.autocrlf=false")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", *USER, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, message: str, texts: dict[str, str | None] | None = None) -> None:
    """Write the texts to files, delete those without a text, and commit everything."""
    for name, text in (texts or {}).items():
        path = folder / name
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)


@pytest.fixture
def top(tmp_path) -> Path:
    """A repository with two commits: the second changes the script, deletes one module and adds another."""
    top = tmp_path / "repository"
    top.mkdir()
    git(top, "init", "-q", "-b", "main", ".")
    old = {"train.py": "import old\nprint('old', old.RATE)\n", "old.py": "RATE = 5\n", "lib/shared.py": "S = 1\n"}
    commit(top, "First\n\nbody", old)
    new = {"train.py": "import new\nprint('new', new.RATE)\n", "new.py": "RATE = 1\n", "lib/shared.py": "S = 2\n"}
    commit(top, "Second", {**new, "old.py": None})
    return top


def script_in(folder: Path, name: str = "train.py") -> Script:
    return Script(folder / name, folder, sources=SourceSnapshot())


def texts(script: Script) -> dict[str, str]:
    return {os.path.relpath(file, script.root): text for file, text in script.edits.items()}


def refusal(script: Script, revision: str) -> str:
    with pytest.raises(UsageError) as raised:
        at_revision(script, revision)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_old_version_runs_in_a_scratch_copy(top):
    old = at_revision(script_in(top), "HEAD~1")
    assert texts(old) == {
        "train.py": "import old\nprint('old', old.RATE)\n",
        "old.py": "RATE = 5\n",
        "lib/shared.py": "S = 1\n",
    }
    with scratch_copy(old) as scratch:
        command = [sys.executable, "-B", "train.py"]
        assert subprocess.check_output(command, cwd=scratch.root, text=True) == "old 5\n"
    assert git(top, "status", "--porcelain") == ""


def test_the_uncommitted_change_is_undone_at_head(top):
    assert at_revision(script_in(top), "HEAD").edits == {}
    (top / "train.py").write_text("print('newer')\n")
    (top / "untracked.py").write_text("")
    git(top, "rm", "-q", "--cached", "new.py")
    (top / "new.py").write_text("RATE = 3\n")
    assert texts(at_revision(script_in(top), "HEAD")) == {
        "train.py": "import new\nprint('new', new.RATE)\n",
        "new.py": "RATE = 1\n",
    }


def test_earlier_edits_are_left_out(top):
    script = script_in(top)
    edited = script.edit(script.path, "pass\n").edit(top / "more.py", "pass\n")
    assert at_revision(edited, "HEAD").edits == {}


@pytest.mark.parametrize("name", ["HEAD~1", "main^", "v1", "@{0}~1", ":/First"])
def test_a_revision_is_described(top, name):
    git(top, "tag", "v1", "HEAD~1")
    found = find_revision(script_in(top), name)
    assert found.subject == "First" and found.commit == git(top, "rev-parse", "HEAD~1")
    assert str(found) == f'{found.short_hash} "First"' and found.commit.startswith(found.short_hash)


def test_files_above_the_working_directory_belong_to_the_repository(top):

    commit(top, "Third", {"experiments/train.py": "print(1)\n"})
    commit(top, "Fourth", {"experiments/train.py": "print(2)\n", "new.py": "RATE = 7\n"})
    old = at_revision(script_in(top / "experiments"), "HEAD~1")
    assert texts(old) == {"train.py": "print(1)\n", "../new.py": "RATE = 1\n"}


def test_a_script_that_is_reached_through_a_link(top):
    (top.parent / "link").symlink_to(top)
    script = script_in(top.parent / "link")
    assert at_revision(script, "HEAD~1").edits[script.path] == "import old\nprint('old', old.RATE)\n"
    (top.parent / "elsewhere").mkdir()
    (top.parent / "elsewhere" / "run.py").symlink_to(top / "train.py")
    script = script_in(top.parent / "elsewhere", "run.py")
    assert at_revision(script, "HEAD~1").edits[script.path] == "import old\nprint('old', old.RATE)\n"


def test_settings_are_taken_and_data_are_not(top):
    for number, value in enumerate("ab"):
        (top / "conf.yaml").write_text(f"lr: {number}\n")
        (top / "large.json").write_text(f'"{value * 200_000}"')
        (top / "data.csv").write_text(value)
        (top / "pointer.json").write_text(f"version https://git-lfs.github.com/spec/v1\noid {value}\n")
        (top / "many").mkdir(exist_ok=True)
        for name in range(MOST_SETTINGS + 1):
            (top / "many" / f"{name}.json").write_text(value)
        commit(top, value)
    assert texts(at_revision(script_in(top), "HEAD~1")) == {"conf.yaml": "lr: 0\n"}


def test_line_ends_that_git_converts_are_no_change(top):
    (top / ".gitattributes").write_text("*.py eol=crlf\n")
    commit(top, "Third", {"new.py": "RATE = 1\nDECAY = 1\n"})
    (top / "new.py").write_bytes(b"RATE = 1\r\nDECAY = 2\r\n")
    (top / "train.py").write_bytes((top / "train.py").read_bytes().replace(b"\n", b"\r\n"))
    assert texts(at_revision(script_in(top), "HEAD")) == {"new.py": "RATE = 1\r\nDECAY = 1\r\n"}


def test_a_module_that_became_a_package_is_refused(top):
    commit(top, "Third", {"new.py": None, "new/__init__.py": "RATE = 2\n"})
    assert "new/__init__.py does not exist at" in refusal(script_in(top), "HEAD~1")


def test_a_sparse_checkout_creates_no_files(top):
    git(top, "sparse-checkout", "set", "--no-cone", "/*", "!/lib/")
    assert not (top / "lib").exists()
    assert set(texts(at_revision(script_in(top), "HEAD~1"))) == {"train.py", "old.py"}


def test_a_folder_that_became_a_link_is_not_followed(top):
    outside = top.parent / "outside"
    outside.mkdir()
    (outside / "shared.py").write_text("S = 3\n")
    (top / "lib/shared.py").unlink()
    (top / "lib").rmdir()
    (top / "lib").symlink_to(outside)
    assert at_revision(script_in(top), "HEAD").edits == {}


@pytest.mark.parametrize(
    "name", ["none", "HEAD~99", "", "HEAD~1..HEAD", "HEAD:train.py", "--all", "-h", "a\nb", "a\0b"]
)
def test_a_wrong_revision_is_refused(top, name):
    assert "is not a git revision: " in refusal(script_in(top), name)


def test_a_shallow_clone_is_named_as_the_reason(top):
    git(top.parent, "clone", "-q", "--depth", "1", f"file://{top}", "clone")
    assert "this clone is shallow" in refusal(script_in(top.parent / "clone"), "HEAD~1")
    assert "this clone is shallow" not in refusal(script_in(top), "HEAD~9")


def test_a_script_that_did_not_exist_is_refused(top):
    (top / "later.py").write_text("pass\n")
    assert refusal(script_in(top, "later.py"), "HEAD").startswith("later.py does not exist at ")


def test_without_a_repository_or_git_one_line_says_so(top, tmp_path, monkeypatch):
    (tmp_path / "train.py").write_text("pass\n")
    reason = "train.py is in no git repository that can be read: not a git repository"
    assert reason in refusal(script_in(tmp_path), "HEAD")
    git(tmp_path, "init", "-q", "empty")
    (tmp_path / "empty/train.py").write_text("pass\n")
    assert "is not a git revision" in refusal(script_in(tmp_path / "empty"), "HEAD")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal(script_in(top), "HEAD") == "git is not installed, so no revision can be read"


def test_an_old_file_in_no_known_encoding_is_named(top):
    (top / "new.py").write_bytes(b"x = '\xff'\n")
    commit(top, "Third")
    (top / "new.py").write_bytes(b"RATE = 1\n")
    message = refusal(script_in(top), "HEAD")
    assert message.startswith("at ") and "new.py cannot be read as Python source" in message


def test_no_program_of_the_repository_or_the_environment_is_run(top, monkeypatch):
    mark = top.parent / "ran"
    program = top.parent / "program.sh"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    programs = ("core.fsmonitor", "diff.external", "filter.x.smudge", "filter.x.clean", "core.pager", "gpg.program")
    for setting in programs:
        git(top, "config", setting, str(program))
    git(top, "config", "log.showSignature", "true")
    (top / ".git/info/attributes").write_text("*.py filter=x\n")
    for name in ("GIT_EXTERNAL_DIFF", "GIT_PAGER"):
        monkeypatch.setenv(name, str(program))
    monkeypatch.setenv("GIT_DIR", str(top.parent / "none"))
    mark.unlink(missing_ok=True)
    assert "train.py" in texts(at_revision(script_in(top), "HEAD~1"))
    assert not mark.exists()
