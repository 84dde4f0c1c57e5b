"""The examples for continuous integration use commands and options that exist, and fail in the right cases."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import get_args

import pytest
import typer.main
import yaml

from descend.cli import app
from descend.doctor.commands.options import ReportFormat

ROOT = Path(__file__).parents[1]
WORKFLOW = yaml.safe_load((ROOT / "examples" / "ci" / "descend.yml").read_text())
[HOOK] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
[REPOSITORY] = yaml.safe_load((ROOT / "examples" / "ci" / "pre-commit-config.yaml").read_text())["repos"]
RUNS = [step["run"] for step in WORKFLOW["jobs"]["doctor"]["steps"] if "descend d" in step.get("run", "")]


def status_of(command: list[str], folder: Path, status: int) -> int:
    """Return the exit status of a command for which `descend` ends with `status`."""
    (folder / "descend").write_text(f"#!/bin/sh\nexit {status}\n")
    (folder / "descend").chmod(0o755)
    return subprocess.run(command, env={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}).returncode


def test_the_commands_and_options_of_the_workflow_exist():
    known = typer.main.get_command(app).commands
    found = re.findall(r"descend (\w+) --format (\w+)", "\n".join(RUNS))
    assert found == [("doctor", "github"), ("diagnose", "markdown"), ("diagnose", "sarif")]
    for name, format in found:
        assert any("--format" in parameter.opts for parameter in known[name].params)
        assert format in get_args(ReportFormat)


@pytest.mark.parametrize(("status", "fails"), [(0, False), (1, True), (2, True), (3, False), (4, True), (5, True)])
def test_findings_and_failures_fail_the_job_and_an_undecided_result_does_not(status, fails, tmp_path):
    assert bool(status_of(["bash", "-ec", RUNS[0]], tmp_path, status)) is fails
    hook = [*shlex.split(HOOK["entry"]), "train.py", "--epochs", "1"]
    assert bool(status_of(hook, tmp_path, status)) is fails


def test_the_local_hook_is_the_published_one():
    [local] = REPOSITORY["hooks"]
    assert {name: HOOK[name] for name in local if name != "args"} == {n: v for n, v in local.items() if n != "args"}
