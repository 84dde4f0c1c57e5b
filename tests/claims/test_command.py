"""`descend claims` as a user runs it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from descend.claims.gallery import claim_names

QUICK = ("small-weights-vanish", "unit-weights-saturate")
LONG = "networks-memorise-random-labels"


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "descend", "claims", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_all_claims_are_listed_with_their_verdicts(tmp_path):
    listed = run("--format", "json", folder=tmp_path)
    assert listed.returncode == 0
    assert [claim["claim"] for claim in json.loads(listed.stdout)] == list(claim_names())
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_measured_claim_is_kept_and_not_measured_again(tmp_path):
    first = run(*QUICK, "--format", "json", folder=tmp_path)
    assert first.returncode == 0 and "3 of 3" in first.stderr
    found = json.loads(first.stdout)
    assert [claim["verdict"] for claim in found] == ["holds", "holds"]
    assert all(condition["seeds"] >= 7 for claim in found for condition in claim["conditions"])
    again = run(*QUICK, "--resume", folder=tmp_path)
    assert "measure" not in again.stderr
    assert again.stdout.count("verdict    holds") == 2 and "wrong if" in again.stdout


@pytest.mark.slow
def test_ctrl_c_keeps_the_complete_measurements_and_prints_them(tmp_path):
    command = [sys.executable, "-m", "descend", "claims", QUICK[1], LONG, "--jobs", "3"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while not (line := process.stderr.readline()).startswith("descend: 1 of 3"):
        assert line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130
    assert "interrupted; --resume continues" in err and "Traceback" not in err
    assert "verdict    holds" in out and "not measured yet" in out
    assert len((tmp_path / ".descend" / "claims.jsonl").read_text().splitlines()) == 1
    assert not _children(process.pid)


def _children(pid: int) -> list[str]:
    """Return the commands of processes whose parent was this process and that still measure."""
    listed = subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True).stdout.splitlines()
    return [line for line in listed if line.split()[:1] == [str(pid)]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("momentum-help",), "there is no claim 'momentum-help'; did you mean momentum-helps"),
        (("gravity",), "there is no claim 'gravity'; descend claims lists all"),
        (("--all", "momentum-helps"), "give either --all or the names of claims"),
        (("momentum-helps", "--store", "sqlite:///x.db"), "must be a folder, not a database"),
    ],
)
def test_wrong_usage_gets_one_line(arguments, message, tmp_path):
    wrong = run(*arguments, folder=tmp_path)
    assert wrong.returncode == 2 and message in wrong.stderr
    assert wrong.stderr.count("\n") == 1


def test_a_damaged_file_of_measurements_gets_one_line(tmp_path):
    (tmp_path / ".descend").mkdir()
    (tmp_path / ".descend" / "claims.jsonl").write_text('{"key": 1}\n')
    damaged = run(folder=tmp_path)
    assert damaged.returncode == 2 and damaged.stderr.count("\n") == 1
    assert "cannot be read as measured claims" in damaged.stderr


def test_a_folder_that_cannot_be_written_gets_one_line(tmp_path):
    (tmp_path / ".descend").write_text("")
    refused = run(QUICK[1], folder=tmp_path)
    assert refused.returncode == 2 and "cannot be" in refused.stderr and refused.stderr.count("\n") == 1
