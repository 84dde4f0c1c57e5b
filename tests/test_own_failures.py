"""Internal errors and a full disk have their own exit status and keep the verdict."""

import errno
import json
import os
import subprocess
import sys

import pytest
from attack.kept_patches import keep_patch
from complaints import complaints, one_line
from uncleared import uncleared

from descend.core.errors import OWN_FAILURE, UsageError
from descend.doctor.record.store import Store

SICK = "\n" + uncleared(steps=60)
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), ".descend/1/report.html")


def raising(error: BaseException):
    def raised(*_: object, **__: object) -> None:
        raise error

    return raised


@pytest.mark.parametrize(
    "error",
    [KeyError("x"), AssertionError(), MemoryError(), RecursionError(), OSError(errno.EBADF, "x"), LookupError()],
)
def test_an_internal_error_has_its_own_exit_status(descend_here, monkeypatch, error):
    monkeypatch.setattr("descend.doctor.commands.explanation.explanation", raising(error))
    done = descend_here("explain", "no_step")
    assert done.returncode == OWN_FAILURE == 5 and "Traceback" in done.stderr
    assert complaints(done.stderr)[-1].startswith("descend: descend itself failed, not the script")


def test_an_internal_traceback_contains_no_control_characters(descend_here, monkeypatch):
    monkeypatch.setattr("descend.doctor.commands.explanation.explanation", raising(ValueError("\x1b[2J\x07")))
    done = descend_here("explain", "no_step")
    assert done.returncode == OWN_FAILURE and "\x1b" not in done.stderr and "\\x1b[2J\\x07" in done.stderr


def test_a_full_disk_is_one_line(descend_here, monkeypatch):
    monkeypatch.setattr("descend.doctor.commands.explanation.explanation", raising(FULL))
    done = descend_here("explain", "no_step")
    assert done.returncode == OWN_FAILURE and one_line(done.stderr, ".descend/1/report.html: No space left"), (
        done.stderr
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_output_that_cannot_be_written_is_one_line():
    command = [sys.executable, "-m", "descend", "explain", "no_step"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == OWN_FAILURE and one_line(done.stderr, "standard output: No space left"), done.stderr


def test_a_reader_that_has_gone_ends_as_sigpipe_does():
    command = [sys.executable, "-m", "descend", "explain", "no_step"]
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    assert done.returncode == 128 + 13 and done.stderr == ""


@pytest.mark.slow
def test_a_full_disk_keeps_the_verdict(descend_here, tmp_path, monkeypatch):
    """The store fills after the first run: each trial fails to be kept, and so do the case and its files."""
    (tmp_path / "train.py").write_text(SICK)
    begin, entered = Store.begin, list[int]()

    def begun(store: Store, record) -> int:
        if entered:
            raise UsageError("descend.db cannot grow: the disk is full")
        entered.append(begin(store, record))
        return entered[0]

    monkeypatch.setattr(Store, "begin", begun)
    monkeypatch.setattr(Store, "save_case", raising(UsageError("descend.db cannot grow: the disk is full")))
    quick = ("--select", "no_zero_grad", "--seeds", "2", "--jobs", "1", "--format", "json")
    done = descend_here("doctor", *quick, "train.py")
    case = json.loads(done.stdout)
    assert done.returncode == 1 and case["patch"] and case["findings"][0]["symptom"] == "no_zero_grad", done.stderr
    said = [line for line in complaints(done.stderr) if "some results could not be stored" in line]
    assert said == ["descend: some results could not be stored: descend.db cannot grow: the disk is full"]
    assert complaints(done.stderr)[-1] == said[0] and not (tmp_path / ".descend" / "1").exists()


@pytest.mark.slow
def test_impossible_trials_keep_the_findings(descend_here, tmp_path, monkeypatch):
    (tmp_path / "train.py").write_text(SICK)
    full = UsageError("project could not be copied: No space left on device. Set TMPDIR to another folder")
    monkeypatch.setattr("descend.doctor.trials.study.run", raising(full))
    done = descend_here("doctor", "--select", "no_zero_grad", "--format", "json", "train.py")
    case = json.loads(done.stdout)
    assert done.returncode == 1 and case["findings"][0]["symptom"] == "no_zero_grad", done.stderr
    assert case["changed"] == str(full)


@pytest.mark.slow
@pytest.mark.parametrize("writer", ["write_patches", "write_page"])
def test_the_verdict_is_printed_before_anything_is_written(descend_here, tmp_path, monkeypatch, writer):
    healthy = "\n" + uncleared(steps=300, body="optimizer.zero_grad()")
    (tmp_path / "train.py").write_text(healthy)
    seen = list[str]()

    def full(*_: object) -> None:
        seen.append(writer)
        raise FULL

    monkeypatch.setattr(f"descend.doctor.report.{writer}", full)
    done = descend_here("doctor", "--select", "no_zero_grad", "train.py")
    assert seen and done.returncode == 0 and "verdict" in done.stdout, done.stdout
    line = "descend: some results could not be stored: .descend/1/report.html: No space left on device"
    assert complaints(done.stderr)[-1] == line
    assert "train.py" in descend_here("runs").stdout


@pytest.mark.parametrize("link", ["folder", "report.html", "fix.diff", "readings.parquet"])
def test_a_report_is_not_written_through_a_link_that_a_store_holds(descend_here, tmp_path, tmp_path_factory, link):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "precious").write_text("precious")
    keep_patch(tmp_path, "train.py")
    folder = tmp_path / ".descend" / "1"
    if link == "folder":
        folder.symlink_to(elsewhere)
    else:
        folder.mkdir()
        (folder / link).symlink_to(elsewhere / "precious")
    for command in ("report", "export"):
        done = descend_here(command)
        assert done.returncode == 2 and one_line(done.stderr, "is a link"), done.stderr
    assert [path.name for path in elsewhere.iterdir()] == ["precious"]
    assert (elsewhere / "precious").read_text() == "precious"


@pytest.mark.parametrize("file", ["descend.db", "descend.db-wal", "descend.db-shm", "descend.db-journal"])
@pytest.mark.parametrize("is_there", [True, False])
def test_no_run_is_kept_through_a_link_that_a_store_holds(descend_here, tmp_path, tmp_path_factory, file, is_there):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "precious"
    if is_there:
        elsewhere.write_text("precious")
        elsewhere.chmod(0o644)
    keep_patch(tmp_path, "train.py")
    (tmp_path / ".descend" / file).unlink(missing_ok=True)
    (tmp_path / ".descend" / file).symlink_to(elsewhere)
    (tmp_path / "train.py").write_text("print()")
    for command in (["doctor", "train.py"], ["watch", "train.py"], ["runs"], ["diagnose"], ["apply"]):
        done = descend_here(*command)
        assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
        assert complaints(done.stderr)[-1].endswith("delete it") or not elsewhere.exists(), done.stderr
    assert elsewhere.exists() == is_there
    assert not is_there or (elsewhere.read_text() == "precious" and elsewhere.stat().st_mode & 0o777 == 0o644)
