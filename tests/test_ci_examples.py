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
STEPS = WORKFLOW["jobs"]["doctor"]["steps"]
RUNS = [step["run"] for step in STEPS if "descend d" in step.get("run", "")]


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


@pytest.mark.parametrize("printed", ["", "{}"])
def test_a_sarif_file_is_uploaded_only_if_it_has_a_report(printed, tmp_path):
    (tmp_path / "descend").write_text(f"#!/bin/sh\nprintf '%s' '{printed}'\nexit 2\n")
    (tmp_path / "descend").chmod(0o755)
    files = {name: str(tmp_path / name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", **files}
    subprocess.run(["bash", "-ec", RUNS[1]], cwd=tmp_path, env=environment, check=True)
    outputs = tmp_path / "GITHUB_OUTPUT"
    assert (outputs.read_text() if outputs.exists() else "") == ("sarif=descend.sarif\n" if printed else "")
    [reports] = [step for step in STEPS if step.get("id") == "reports"]
    upload = STEPS[-1]
    assert reports["run"] == RUNS[1] and "steps.reports.outputs.sarif" in upload["if"]
    assert upload["with"]["sarif_file"] == "${{ steps.reports.outputs.sarif }}"


def test_descend_is_installed_from_an_address_that_the_reader_sets():
    [install] = [step["run"] for step in STEPS if "pip install" in step.get("run", "")]
    assert '"descend @ $DESCEND"' in install and "YOUR-" in WORKFLOW["jobs"]["doctor"]["env"]["DESCEND"]


def test_the_local_hook_is_the_published_one():
    [local] = REPOSITORY["hooks"]
    assert {name: HOOK[name] for name in local if name != "args"} == {n: v for n, v in local.items() if n != "args"}
