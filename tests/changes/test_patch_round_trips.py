"""A patch of two texts, applied to the first, gives the second: with difflib, diff, git and descend as writers."""

import subprocess
import tempfile
from difflib import unified_diff
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descend.core.errors import UsageError
from descend.doctor.changes.from_patch import apply_patch_text
from descend.doctor.script.script import Script, split_lines

# Lines that look like the lines of a diff, blank lines, and lines with other line ends.
LINES = st.sampled_from(
    ["", " ", "x = 1", "y = 2", "-- a comment", "++ y", "@@ -1 +1 @@", "\\ no", "--- a/train.py", "+++ é", "\tz\r"]
)
TEXTS = st.tuples(st.lists(LINES, max_size=12), st.booleans()).map(
    lambda parts: "\n".join(parts[0]) + "\n" * bool(parts[0] and parts[1])
)


def script_of(folder: str | Path, text: str) -> Script:
    path = Path(folder, "train.py")
    path.write_bytes(text.encode())
    return Script(path, path.parent)


def diff_of(before: str, after: str, context: int = 3) -> str:
    lines = unified_diff(split_lines(before), split_lines(after), "a/train.py", "b/train.py", n=context)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def patched(script: Script, diff: str) -> str:
    return apply_patch_text(script, diff, "fix.diff").read(script.path)


@given(TEXTS, TEXTS, st.integers(0, 4))
@settings(max_examples=200, deadline=None)
def test_a_patch_from_difflib_gives_the_new_text(before, after, context):
    with tempfile.TemporaryDirectory() as folder:
        script = script_of(folder, before)
        if before != after:
            assert patched(script, diff_of(before, after, context)) == after


@given(TEXTS, TEXTS)
@settings(max_examples=60, deadline=None)
def test_a_patch_from_descend_gives_the_new_text(before, after):
    with tempfile.TemporaryDirectory() as folder:
        script = script_of(folder, before)
        if diff := script.edit(script.path, after).diff():
            assert patched(script, diff) == after


@given(TEXTS, TEXTS, st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_a_patch_from_diff_gives_the_new_text(before, after, context):
    with tempfile.TemporaryDirectory() as folder:
        script = script_of(folder, before)
        Path(folder, "new.py").write_bytes(after.encode())
        command = ["diff", "--text", f"-U{context}", "train.py", "new.py"]
        diff = subprocess.run(command, cwd=folder, capture_output=True).stdout.decode()
        if diff:
            assert patched(script, diff) == after


GIT = ("git", "-c", "core.autocrlf=false")


@given(TEXTS, TEXTS, st.sampled_from(["", "--no-prefix", "-U1", "--patience", "--src-prefix=i/ --dst-prefix=w/"]))
@settings(max_examples=40, deadline=None)
def test_a_patch_from_git_gives_the_new_text(before, after, options):
    with tempfile.TemporaryDirectory() as folder:
        script = script_of(folder, before)
        subprocess.run([*GIT, "init", "-q", "."], cwd=folder, check=True)
        subprocess.run([*GIT, "add", "train.py"], cwd=folder, check=True)
        script.path.write_bytes(after.encode())
        command = [*GIT, "diff", "--text", *options.split()]
        diff = subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout.decode()
        script.path.write_bytes(before.encode())
        if diff:
            assert patched(script, diff) == after


@given(TEXTS, TEXTS, st.lists(st.tuples(st.integers(0, 12), LINES), max_size=4), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_hunks_move_as_far_as_with_patch(before, after, inserted, context):
    """What `patch` accepts without dropping context lines is accepted, too, and gives the same text."""
    moved = before.split("\n")
    for place, line in inserted:
        moved.insert(min(place, len(moved) - 1), line)
    with tempfile.TemporaryDirectory() as folder:
        script = script_of(folder, "\n".join(moved))
        diff = diff_of(before, after, context)
        command = ["patch", "--fuzz=0", "--binary", "--forward", "--reject-file=-", "--output=new.py", "train.py"]
        done = subprocess.run(command, input=diff.encode(), cwd=folder, capture_output=True)
        if diff and done.returncode == 0:
            assert patched(script, diff).encode() == Path(folder, "new.py").read_bytes()


@pytest.mark.parametrize("ends", [("\r\n", "\n"), ("\n", "\r\n"), ("\r\n", "\r\n")])
def test_a_patch_with_other_line_ends_than_the_file_applies(tmp_path, ends):
    """Windows and mail programs change the line ends of whole files."""
    in_file, in_patch = ends
    before, after = "a = 1\nlr = 5\nb = 2\n", "a = 1\nlr = 1\nc = 3\nb = 2\n"
    script = script_of(tmp_path, before.replace("\n", in_file))
    diff = diff_of(before, after).replace("\n", in_patch)
    assert patched(script, diff) == after.replace("\n", in_file)


def test_line_ends_can_be_the_change(tmp_path):
    before, after = "a = 1\nb = 2\n", "a = 1\r\nb = 2\r\n"
    assert patched(script_of(tmp_path, before), diff_of(before, after)) == after
    assert patched(script_of(tmp_path, after), diff_of(after, before)) == before


def test_a_hunk_goes_to_the_nearest_place(tmp_path):
    block = "step()\nlr = 5\nend()\n"
    text = block + "pass\n" * 10 + block + "pass\n" * 10 + block
    diff = "--- train.py\n+++ train.py\n@@ -16,3 +16,3 @@\n step()\n-lr = 5\n+lr = 1\n end()\n"
    assert patched(script_of(tmp_path, text), diff).split("lr = 1")[0].count("lr = 5") == 1


def test_no_context_line_is_ignored(tmp_path):
    """The command `patch` would ignore the context line that differs."""
    diff = diff_of("a\nb\nc\nlr = 5\nd\ne\nf\n", "a\nb\nc\nlr = 1\nd\ne\nf\n")
    script = script_of(tmp_path, "other\nb\nc\nlr = 5\nd\ne\nf\n")
    with pytest.raises(UsageError, match='fix.diff: train.py @@ -1,7 .* does not match: there is no line "a"'):
        patched(script, diff)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_patch_may_be_in_the_encoding_of_the_file_or_in_utf_8(tmp_path, encoding):
    before = f"# coding: {encoding}\ngröße = 1\n"
    script = script_of(tmp_path, "")
    script.path.write_bytes(before.encode(encoding))
    after = before.replace("1", "2 # ä")
    for stored in (encoding, "utf-8"):
        text = diff_of(before, after).encode(stored).decode("utf-8", "surrogateescape")
        assert patched(script, text) == after


def test_an_empty_context_line_without_its_space_is_accepted(tmp_path):
    diff = "--- train.py\n+++ train.py\n@@ -1,3 +1,3 @@\n a\n\n-b\n+c"
    assert patched(script_of(tmp_path, "a\n\nb\n"), diff) == "a\n\nc\n"
