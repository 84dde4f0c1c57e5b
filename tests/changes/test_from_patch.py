"""Patches from different tools name files in different forms; created files, notebooks and wrong patches."""

import io
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from descend.core.errors import UsageError
from descend.doctor.changes.from_patch import apply_patch_file, apply_patch_text
from descend.doctor.script.script import Script

HUNK = "@@ -1,2 +1,2 @@\n-lr = 5\n+lr = 1\n x = 0\n"
NEW_FILE = "@@ -0,0 +1 @@\n+width = 8\n"


@pytest.fixture
def script(tmp_path):
    root = tmp_path / "project"
    (root / "package").mkdir(parents=True)
    for name in ("train.py", "package/model.py"):
        (root / name).write_text("lr = 5\nx = 0\n")
    return Script(root / "train.py", root)


def change(script: Script, text: str) -> dict[str, str]:
    """Return the edits that a patch makes, with names relative to the working directory."""
    edits = apply_patch_text(script, text, "fix.diff").edits
    return {os.path.relpath(file, script.root): text for file, text in edits.items()}


def refusal(script: Script, text: str) -> str:
    with pytest.raises(UsageError) as raised:
        apply_patch_text(script, text, "fix.diff")
    message = str(raised.value)
    assert message.startswith("fix.diff") and "\n" not in message
    return message


@pytest.mark.parametrize(
    ("old", "new", "file"),
    [
        ("train.py", "train.py", "train.py"),
        ("a/train.py", "b/train.py", "train.py"),
        ("b/train.py", "a/train.py", "train.py"),  # git diff -R
        ("i/train.py", "w/train.py", "train.py"),  # diff.mnemonicPrefix
        ("train.py\t2026-11-01 12:00:00.000000000 +0100", "train.py\t2026-11-02 12:00:00 +0100", "train.py"),
        ("train.py.orig", "train.py", "train.py"),
        ("train.py", "train_new.py", "train.py"),
        ("/tmp/old/train.py", "train.py", "train.py"),
        ("old/package/model.py", "new/package/model.py", "package/model.py"),  # diff -r
        ("a/package/model.py", "b/package/model.py", "package/model.py"),
        ("package/model.py", "package/model.py", "package/model.py"),
        ('"a/package/model.py"', '"b/package/model.py"', "package/model.py"),
        ("./train.py", "./train.py", "train.py"),
    ],
)
def test_the_names_of_all_tools_are_understood(script, old, new, file):
    assert change(script, f"--- {old}\n+++ {new}\n{HUNK}") == {file: "lr = 1\nx = 0\n"}


def test_names_that_git_quotes_are_decoded(script):
    name = 'größe "1".py'
    (script.root / name).write_text("lr = 5\nx = 0\n")
    subprocess.run(["git", "init", "-q", "."], cwd=script.root, check=True)
    subprocess.run(["git", "add", "."], cwd=script.root, check=True)
    (script.root / name).write_text("lr = 1\nx = 0\n")
    diff = subprocess.run(["git", "diff"], cwd=script.root, capture_output=True, text=True, check=True).stdout
    (script.root / name).write_text("lr = 5\nx = 0\n")
    assert '"a/gr\\303\\266' in diff and change(script, diff) == {name: "lr = 1\nx = 0\n"}


def test_names_are_relative_to_the_top_folder_of_the_repository(script):
    """`git diff` in a subfolder also writes paths from the top folder."""
    top = script.root.parent
    (top / ".git").mkdir()
    (top / "train.py").write_text("lr = 5\nx = 0\n")
    header = "diff --git a/{0} b/{0}\nindex 1..2 100644\n--- a/{0}\n+++ b/{0}\n"
    assert change(script, header.format("project/train.py") + HUNK) == {"train.py": "lr = 1\nx = 0\n"}
    assert change(script, header.format("train.py") + HUNK) == {"../train.py": "lr = 1\nx = 0\n"}
    assert change(script, f"--- train.py\n+++ train.py\n{HUNK}") == {"train.py": "lr = 1\nx = 0\n"}


def test_a_patch_of_several_files_with_a_message_around_it(script):
    mail = (
        "From 1234 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] Lower the learning rate\n\n---\n train.py | 2 +-\n\n"
        f"diff --git a/train.py b/train.py\nindex 1..2 100644\n--- a/train.py\n+++ b/train.py\n{HUNK}"
        f"diff --git a/package/model.py b/package/model.py\nindex 1..2 100644\n--- a/package/model.py\n"
        f"+++ b/package/model.py\n{HUNK}-- \n2.39.5\n\n"
    )
    assert set(change(script, mail)) == {"train.py", "package/model.py"}


def test_two_patches_of_one_file_follow_each_other(script):
    second = "--- a/train.py\n+++ b/train.py\n@@ -1,2 +1,2 @@\n-lr = 1\n+lr = 2\n x = 0\n"
    assert change(script, f"--- a/train.py\n+++ b/train.py\n{HUNK}{second}") == {"train.py": "lr = 2\nx = 0\n"}
    once = apply_patch_text(script, f"--- a/train.py\n+++ b/train.py\n{HUNK}", "first.diff")
    assert change(once, second) == {"train.py": "lr = 2\nx = 0\n"}


@pytest.mark.parametrize(
    "header",
    [
        "diff --git a/{0} b/{0}\nnew file mode 100644\nindex 0000000..1\n--- /dev/null\n+++ b/{0}\n",
        "--- /dev/null\n+++ {0}\n",
        "--- /dev/null\n+++ b/{0}\n",
        "--- old/{0}\t1970-01-01 00:00:00.000000000 +0000\n+++ new/{0}\t2026-11-01 12:00:00.000000000 +0000\n",
    ],
)
@pytest.mark.parametrize("name", ["layers.py", "package/layers.py", "new_package/layers.py"])
def test_a_new_file_is_created(script, header, name):
    assert change(script, header.format(name) + NEW_FILE) == {name: "width = 8\n"}


def test_an_empty_new_file_is_created(script):
    diff = "diff --git a/p/__init__.py b/p/__init__.py\nnew file mode 100644\nindex 0000000..e69de29\n"
    assert change(script, diff) == {"p/__init__.py": ""}


def test_what_descend_prints_can_be_applied(script):
    edited = script.edit(script.path, "import new\n").edit(script.root / "new.py", "a = 1\n")
    edited = edited.edit(script.root / "p/__init__.py", "").edit(script.root / "p/b.py", "b = 2")
    assert apply_patch_text(script, edited.diff(), "fix.diff").edits == edited.edits


@pytest.mark.parametrize("indent", [1, None])
def test_a_notebook_is_patched_as_jupyter_saves_it(script, indent):
    file = script.root / "train.ipynb"
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**cell, "source": ["lr = 5\n", "x = 0"]}, {**cell, "source": ["print(lr)"]}]
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    file.write_text(json.dumps(book, indent=indent) + "\n")
    notebook = Script(file, script.root)
    edited = notebook.edit(file, notebook.read(file).replace("lr = 5", "lr = 1"))
    assert apply_patch_text(notebook, edited.diff(), "fix.diff").edits == edited.edits
    assert '"lr = 1\\n"' in edited.diff()


def test_a_patch_that_adds_a_cell_is_refused(script):
    file = script.root / "train.ipynb"
    cell = {"cell_type": "code", "metadata": {}, "source": ["lr = 5"]}
    book = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    more = {**book, "cells": [{**cell, "source": ["pass"]}, cell]}
    old, new = (json.dumps(b, indent=1) + "\n" for b in (book, more))
    (script.root / "new.ipynb").write_text(new)
    file.write_text(old)
    command = ["diff", "-u", "train.ipynb", "new.ipynb"]
    diff = subprocess.run(command, cwd=script.root, capture_output=True, text=True).stdout
    os.unlink(script.root / "new.ipynb")
    assert "adds, removes or moves cells of train.ipynb" in refusal(Script(file, script.root), diff)


@pytest.mark.parametrize(
    ("diff", "says"),
    [
        ("", "is not a unified diff: it is empty"),
        ("\n \n", "is not a unified diff: it is empty"),
        ("lr = 1\n", 'is not a unified diff: it begins with "lr = 1"'),
        ("*** train.py\n--- new.py\n***************\n*** 1,2 ****\n", 'begins with "*** train.py"'),
        ("1c1\n< lr = 5\n---\n> lr = 1\n", 'begins with "1c1"'),
        ("\x00\x1b[2J\x01", 'begins with "\\x00\\x1b[2J\\x01"'),
        ("diff --git a/train.py b/train.py\nold mode 100644\nnew mode 100755\n", "changes no lines"),
        (HUNK, "no lines ---/+++ above @@ -1,2 +1,2 @@ name the changed file"),
        ("--- a/train.py\n+++ b/train.py\nlr = 1\n", "no hunk (a line @@ -… +… @@) follows the name train.py"),
        (f"--- a/train.py\n+++ b/train.py\n{HUNK}+more\n", "train.py @@ -1,2 +1,2 @@ has more lines than its header"),
        (f"--- a/train.py\n+++ b/train.py\n{HUNK[:-7]}", "train.py @@ -1,2 +1,2 @@ has fewer lines than its header"),
        (f"--- a/train.py\n+++ b/train.py\n{HUNK.replace('+1,2', '+1,1')}", "has more lines than its header"),
        (f"--- a/none.py\n+++ b/none.py\n{HUNK}", "changes b/none.py, and there is no such file (looked in /"),
        (f"--- a/package\n+++ b/package\n{HUNK}", "there is no such file"),
        ("--- a/train.py\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-lr = 5\n-x = 0\n", "deletes train.py"),
        ("diff --git a/x.py b/x.py\ndeleted file mode 100644\nindex 1..0\n", "deletes b/x.py"),
        ("diff --git a/x.py b/y.py\nsimilarity index 100%\nrename from x.py\nrename to y.py\n", "renames "),
        (
            "diff --git a/x.pt b/x.pt\nindex 1..2 100644\nBinary files a/x.pt and b/x.pt differ\n",
            "the binary file b/x.pt",
        ),
        ("diff --git a/x.pt b/x.pt\nindex 1..2 100644\nGIT binary patch\nliteral 3\n", "the binary file b/x.pt"),
        ("diff --git a/x.py b/x.py\nnew file mode 120000\n--- /dev/null\n", "creates a symbolic link as b/x.py"),
        (
            "diff --cc train.py\n--- a/train.py\n+++ b/train.py\n@@@ -1,2 -1,2 +1,2 @@@\n",
            "is the diff of a merge",
        ),
        (f"--- /dev/null\n+++ b/train.py\n{NEW_FILE}", "it creates train.py, which already exists"),
        (f"--- /dev/null\n+++ b/train.py/x.py\n{NEW_FILE}", "there is no such file"),
        (f"--- /dev/null\n+++ b/x.py\n{HUNK}", "changes lines of a new file"),
        (f"--- a/train.py\n+++ b/train.py\n{HUNK.replace('lr = 5', 'rate = 5')}", 'there is no line "rate = 5"'),
        (f"--- a/train.py\n+++ b/train.py\n{HUNK.replace('lr = 5', 'lr =  5')}", 'only "lr = 5", with other blanks'),
        (f"--- a/train.py\n+++ b/train.py\n{HUNK.replace('lr = 5', 'x = 0')}", 'it expects "x = 0" in line 1, but'),
        ("--- a/train.py\n+++ b/train.py\n@@ -9,0 +10 @@\n+y = 1\n", "it adds lines after line 9, but only 2 lines"),
    ],
)
def test_a_wrong_patch_is_refused_in_one_line(script, diff, says):
    assert says in refusal(script, diff)


@pytest.mark.parametrize("name", ["../other.py", "a/../../other.py", "/etc/hostname", "link.py", "folder/other.py"])
@pytest.mark.parametrize("old", ["{0}", "/dev/null"])
def test_no_file_outside_the_working_directory_is_changed(script, name, old):
    outside = script.root.parent
    (outside / "other.py").write_text("lr = 5\nx = 0\n")
    (script.root / "link.py").symlink_to(outside / "other.py")
    (script.root / "folder").symlink_to(outside)
    hunk = HUNK if old != "/dev/null" else NEW_FILE
    assert "outside" in refusal(script, f"--- {old.format(name)}\n+++ {name}\n{hunk}")


def test_a_name_that_no_file_system_accepts_is_refused(script):
    for name in ("x" * 300 + ".py", "nul\x00.py", "\ud800.py"):
        assert refusal(script, f"--- {name}\n+++ {name}\n{HUNK}")


def test_a_link_in_the_working_directory_leads_to_the_edited_file(script):
    (script.root / "link.py").symlink_to("package/model.py")
    assert change(script, f"--- link.py\n+++ link.py\n{HUNK}") == {"package/model.py": "lr = 1\nx = 0\n"}


def test_a_patch_that_is_already_applied_is_recognised(script):
    diff = f"--- a/train.py\n+++ b/train.py\n{HUNK}--- /dev/null\n+++ b/new.py\n{NEW_FILE}"
    for file, text in apply_patch_text(script, diff, "fix.diff").edits.items():
        file.write_text(text)
    assert refusal(script, diff) == "fix.diff is already applied"
    (script.root / "new.py").write_text("width = 8\nheight = 9\n")
    assert "does not match" in refusal(script, diff)


def test_a_secret_is_not_in_the_message(script):
    hunk = HUNK.replace("lr = 5", "password = 'hunter2hunter2'")
    assert "hunter2" not in refusal(script, f"--- a/train.py\n+++ b/train.py\n{hunk}")


def test_a_patch_is_read_from_a_file_or_standard_input(script, monkeypatch):
    diff = f"\ufeff--- a/train.py\n+++ b/train.py\n{HUNK}".encode()
    path = script.root / "fix.diff"
    path.write_bytes(diff)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(diff)))
    for name in (str(path), "-"):
        assert apply_patch_file(script, name).read(script.path) == "lr = 1\nx = 0\n"


def test_a_patch_file_that_cannot_be_read_is_refused(script):
    for name, says in (("none.diff", "no such patch: "), ("package", "no patch can be read from ")):
        with pytest.raises(UsageError, match=says):
            apply_patch_file(script, str(script.root / name))
