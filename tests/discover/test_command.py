"""`descend discover` as a user runs it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SMALL = ("--evaluations", "8", "--tasks", "table", "--symbols", "g m sign + *")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "descend", "discover", *arguments]


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(command(*arguments), cwd=folder, capture_output=True, text=True)


@pytest.mark.slow
def test_a_search_writes_its_best_rule_with_a_picture(tmp_path):
    done = run(*SMALL, "--searches", "2", "--format", "json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [one["evaluations"] for one in found["searches"]] == [8, 8]
    best = found["best"]
    assert best[0]["loss_over_sgd"] == min(one["loss_over_sgd"] for one in best) <= 1
    own: dict[str, object] = {"__name__": "found"}
    exec((tmp_path / "found.py").read_text(), own)
    assert "found rule" in (tmp_path / "found.html").read_text()
    shown = run(*SMALL, "--searches", "2", "--resume", folder=tmp_path)
    assert "known      of 2 searches" in shown.stdout and "written to found.py" in " ".join(shown.stdout.split())
    assert best[0]["formula"] in shown.stdout and "trained" not in shown.stderr


@pytest.mark.slow
def test_ctrl_c_keeps_the_rules_so_far(tmp_path):
    process = subprocess.Popen(
        command("--evaluations", "100000", "--tasks", "table"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "trained" not in (line := process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130
    assert "interrupted; --resume continues" in err and "Traceback" not in err
    assert "best" in out and (tmp_path / "found.py").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--symbols", "g x"), "--symbols has no symbol 'x'"),
        (("--symbols", "1 + 2"), "--symbols must contain g or m"),
        (("--tasks", "text"), "--tasks has no task 'text'"),
        (("--horizons", "0"), "--horizons must be integers from 1"),
    ],
)
def test_wrong_usage_gets_one_line(arguments, message, tmp_path):
    wrong = run(*arguments, folder=tmp_path)
    assert wrong.returncode == 2 and message in wrong.stderr
    assert wrong.stderr.count("\n") == 1


def test_a_rule_that_only_goes_uphill_is_no_result(tmp_path):
    none = run("--evaluations", "3", "--symbols", "g abs", "--tasks", "table", "--out", "rule.py", folder=tmp_path)
    assert none.returncode == 0 and (tmp_path / "rule.py").exists()  # plain SGD itself is in this space
