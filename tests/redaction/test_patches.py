"""Patches: changed lines are exact, context lines contain no secret, and `patch` applies them."""

import json
import random
import subprocess

import pytest

from descend.core.regular_files import replace_file
from descend.doctor.redaction.patches import diff_lines, secret_lines
from descend.doctor.redaction.private import create_file, make_folder, make_private
from descend.doctor.redaction.sources import Sources
from descend.doctor.script.script import Script

LINES = [f"line{i} = {i}\n" for i in range(40)]
KEY = '"""-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----"""\n'


def applied(folder, script):
    (folder / "fix.diff").write_text(script.diff())
    done = subprocess.run(["patch", "-p0", "-i", "fix.diff"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return script.path.read_text()


@pytest.mark.parametrize("seed", range(40))
def test_a_patch_among_secrets_still_applies(tmp_path, seed):
    chance = random.Random(seed)
    before = list(LINES)
    for place in chance.sample(range(40), 12):
        before[place] = f'API_KEY_{place} = "hunter{place}x"\n'
    if seed % 3 == 0:
        before[20] = f"key = {KEY}"
    after = list(before)
    for place in sorted(chance.sample(range(40), 4), reverse=True):
        if "KEY" not in after[place]:
            after[place : place + 1] = chance.choice([[], ["changed = 1\n"], [after[place], "added = 2\n"]])
    path = tmp_path / "train.py"
    path.write_text("".join(before))
    script = Script(path, tmp_path).edit(path, "".join(after))
    assert "hunter" not in script.diff() and "MIIE" not in script.diff()
    assert applied(tmp_path, script) == "".join(after)


def test_a_changed_line_with_a_secret_is_exact(tmp_path):
    path = tmp_path / "train.py"
    path.write_text('x = 1\nlogin(lr=1, api_key="hunter2")\ny = 2\n')
    script = Script(path, tmp_path).edit(path, path.read_text().replace("lr=1", "lr=2"))
    wanted = script.read(path)
    assert applied(tmp_path, script) == wanted


def test_without_secrets_the_diff_is_the_usual_one():
    shown = "".join(diff_lines(LINES, [*LINES[:10], "new\n", *LINES[11:]], "train.py"))
    assert shown.splitlines()[2] == "@@ -8,7 +8,7 @@" and "\n line7 = 7\n" in shown
    assert secret_lines("a\npassword = 'hunter2'\nb") == {1}
    assert secret_lines(f"a\nx = {KEY}b") == {1, 2, 3}


def prepare_file(path):
    create_file(path)
    make_private(path)


def test_only_the_owner_can_read_our_files_whatever_the_umask_is(tmp_path):
    folder = tmp_path / "new" / "store"
    make_folder(folder)
    assert {oct(path.stat().st_mode & 0o777) for path in (folder, folder.parent)} == {"0o700"}
    there = tmp_path / "there"
    there.mkdir(mode=0o755)
    make_folder(there)
    assert there.stat().st_mode & 0o777 == 0o755
    for make in (lambda path: replace_file(path, b"new"), prepare_file):
        open_to_all = folder / "open"
        open_to_all.write_text("old")
        open_to_all.chmod(0o644)
        make(open_to_all)
        make(folder / "fresh")
        assert {path.stat().st_mode & 0o777 for path in (open_to_all, folder / "fresh")} == {0o600}
    shared = folder / "shared"
    shared.write_text("old")
    shared.chmod(0o664)
    prepare_file(shared)
    assert shared.read_text() == "old" and shared.stat().st_mode & 0o777 == 0o664


SECRETS = 'import os\nTOKEN: str = "hunter2"\nx = 1  # pw=hunter2\nlr = 0.5\ny = 2\nz = 3'


def saved(*sources, indent=1):
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}, indent=indent) + "\n"


@pytest.mark.parametrize("indent", [1, 2, None])
@pytest.mark.parametrize("as_list", [True, False])
def test_the_diff_of_a_notebook_shows_no_secret_of_the_cell(tmp_path, indent, as_list):
    path = tmp_path / "train.ipynb"
    path.write_text(saved(SECRETS.splitlines(keepends=True) if as_list else SECRETS, indent=indent))
    script = Script(path, tmp_path)
    edited = script.edit(path, script.read(path).replace("lr = 0.5", "lr = 0.1"))
    diff = edited.diff()
    changed = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert [line.replace(" ", "") for line in changed] == [r'-"lr=0.5\n",', r'+"lr=0.1\n",'] and "hunter2" not in diff
    if as_list and indent:
        assert json.loads(applied(tmp_path, edited))["cells"][0]["source"][3] == "lr = 0.1\n"


@pytest.mark.parametrize("as_list", [True, False])
def test_secrets_in_a_notebook_are_found(tmp_path, as_list):
    path = tmp_path / "train.ipynb"
    path.write_text(saved(SECRETS.splitlines(keepends=True) if as_list else SECRETS))
    assert "hunter2" in Sources(path, tmp_path).secrets()
