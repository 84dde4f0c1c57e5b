"""All runs of a consultation are made of one version of the script; data that change under them end the trials."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sampling import sampled
from waiting import comes

from descend.doctor.record import Effect, Fact, facts
from descend.doctor.sandbox.scratch import scratch_copy
from descend.doctor.script.script import Script
from descend.doctor.script.source_snapshot import SourceSnapshot
from descend.doctor.trials import external_files
from descend.doctor.trials.external_files import ExternalFileChanged, ExternalFiles

SICK = """\
import torch, yaml
from torch import nn
import helper
torch.manual_seed(0)
settings = yaml.safe_load(open("conf/settings.yaml"))
x = torch.load("data.pt")
y = x[:, :3].argmax(1)
model = nn.Sequential(nn.Linear(8, helper.WIDTH), nn.ReLU(), nn.Linear(helper.WIDTH, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=settings["lr"])
for step in range(settings["steps"]):
    loss = nn.functional.cross_entropy(model(x[step % 4 :: 4]), y[step % 4 :: 4])
    loss.backward()
    optimizer.step()
"""


@pytest.fixture
def project(tmp_path):
    import torch

    folder = tmp_path / "project"
    (folder / "conf").mkdir(parents=True)
    (folder / "train.py").write_text(SICK)
    (folder / "helper.py").write_text("from shared import WIDTH\n")
    (folder / "conf" / "settings.yaml").write_text("lr: 0.5\nsteps: 150\n")
    torch.manual_seed(0)
    torch.save(torch.randn(256, 8), folder / "data.pt")
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "shared.py").write_text("WIDTH = 16\n")
    return folder


def consulted(project: Path, change) -> tuple[int, dict, str]:
    """Run the doctor, and `change` once the script has read all that it reads; return status, JSON, stderr."""
    command = [sys.executable, "-m", "descend", "doctor", "--seeds", "2", "--format", "json", "train.py"]
    environment = {**os.environ, "PYTHONPATH": str(project.parent / "library")}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=project, env=environment, text=True, **pipes)
    assert comes(lambda: has_read(project / ".descend" / "descend.db", "data.pt"), within=120, of=process)
    change()
    out, err = process.communicate(timeout=400)
    assert "Traceback" not in err and out, err
    return process.returncode, json.loads(out), err


def has_read(database: Path, name: str) -> bool:
    if not database.exists():
        return False
    connection = sqlite3.connect(database)
    try:
        rows = connection.execute("select body from observations where kind = 'fact'").fetchall()
        return any("file_read" in body and name in body for (body,) in rows)
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()


@pytest.mark.slow
def test_an_edit_during_a_consultation_mixes_no_versions(project):
    def change() -> None:
        for file in (project / "train.py", project / "conf" / "settings.yaml"):
            file.write_text("this is ] no program: [\n")
        (project / "helper.py").unlink()
        (project / "torch.py").write_text("raise SystemExit('a file that was not there')\n")
        os.utime(project / "data.pt")  # touched, and the same

    status, case, _ = consulted(project, change)
    assert status == 1 and case["changed"] is None, case
    assert [finding["symptom"] for finding in case["findings"]] == ["no_zero_grad"]
    assert case["patch"] and case["reproduced"] and "proved" in {trial["verdict"] for trial in case["trials"]}
    assert not any(trial["verdict"] == "failed" for trial in case["trials"])
    assert (project / "train.py").read_text() == "this is ] no program: [\n"
    (project / "train.py").write_text(SICK)
    subprocess.run(["patch", "-p0"], input=case["patch"], cwd=project, text=True, check=True)


@pytest.mark.slow
@pytest.mark.parametrize("which", sampled(["data.pt", "../library/shared.py"], "../library/shared.py"))
def test_what_no_copy_holds_ends_the_trials_when_it_changes(project, which, descend_here):
    def change() -> None:
        path = project / which
        path.write_bytes(path.read_bytes() + b"\n")

    status, case, _ = consulted(project, change)
    assert status == 1 and case["changed"].startswith(f"{which} was changed during the trials: the trials end here"), (
        case
    )
    assert [finding["symptom"] for finding in case["findings"]] == ["no_zero_grad"] and case["patch"] is None
    shown = " ".join(descend_here("diagnose", cwd=project).stdout.split())
    assert "the trials ended early" in shown and f"ended {which} was changed during the trials" in shown
    assert f"{which} was changed during the trials" in (project / ".descend" / "1" / "report.html").read_text()


def held(files: dict[str, Path]) -> ExternalFiles:
    seen = ExternalFiles()
    seen.note_files([Fact.of(facts.FileRead(), 0, str(path)) for path in files.values()])
    return seen


@pytest.fixture
def files(tmp_path):
    made = {name: tmp_path / name for name in ("small.csv", "large.csv")}
    made["small.csv"].write_text("1,2\n")
    made["large.csv"].write_bytes(b"0" * (external_files.HASHED_BYTES + 1))
    return made


def test_small_files_are_compared_by_their_contents(files):
    seen = held(files)
    seen.check()
    os.utime(files["small.csv"], ns=(1, 1))
    seen.check()
    files["small.csv"].write_text("1,3\n")
    with pytest.raises(ExternalFileChanged, match="small.csv was changed during the trials"):
        seen.check()


@pytest.mark.parametrize("how", ["touched", "replaced", "gone", "a folder"])
def test_large_files_are_compared_by_size_time_and_inode(files, how):
    seen, file = held(files), files["large.csv"]
    if how == "touched":
        os.utime(file, ns=(1, 1))
    else:
        file.rename(file.with_suffix(".old"))
    if how == "replaced":
        file.write_bytes(b"1" * (external_files.HASHED_BYTES + 1))
    elif how == "a folder":
        file.mkdir()
    with pytest.raises(ExternalFileChanged, match="large.csv (was changed|disappeared) during the trials"):
        seen.check()


def test_what_the_script_writes_itself_is_its_own(files):
    seen = held(files)
    seen.note_files([Effect("write", str(files["small.csv"]), refused=False)])
    files["small.csv"].write_text("by the script")
    seen.check()


def test_every_copy_is_made_of_what_was_there_first(tmp_path):
    for name in ("train.py", "new.txt", "conf.toml", "old.py"):
        (tmp_path / name).write_text(f"# {name}\n")
    (tmp_path / "new.txt").unlink()
    script = Script(tmp_path / "train.py", tmp_path, sources=SourceSnapshot())
    with scratch_copy(script):
        pass
    (tmp_path / "old.py").unlink()
    for name in ("train.py", "new.txt", "conf.toml", "new.py"):
        (tmp_path / name).write_text("# another\n")
    with scratch_copy(script.edit(tmp_path / "train.py", script.read(tmp_path / "train.py") + "x = 1\n")) as scratch:
        found = {path.name: path.read_text() for path in scratch.root.iterdir()}
    expected = {name: f"# {name}\n" for name in ("train.py", "conf.toml", "old.py")}
    assert found == expected | {"train.py": "# train.py\nx = 1\n"}
    assert script.has_file(tmp_path / "old.py") and not script.has_file(tmp_path / "new.py")
