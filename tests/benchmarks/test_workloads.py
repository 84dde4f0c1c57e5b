"""The workloads on which choices are compared: ordinary scripts that log a held-out metric while it improves."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sampling import sampled

from .printed_texts import ROOT

WORKLOADS = sorted((ROOT / "benchmarks" / "workloads").glob("*.py"))


def test_there_are_six_workloads_that_need_torch_and_scikit_learn_only():
    assert len(WORKLOADS) == 6
    for path in WORKLOADS:
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
        assert {name.partition(".")[0] for name in names} <= {"torch", "sklearn", "math", "random"}, path


@pytest.mark.slow
@pytest.mark.parametrize("path", sampled(WORKLOADS, *WORKLOADS[::3]), ids=lambda path: path.stem)
def test_a_workload_logs_a_loss_on_held_out_data_that_falls(path: Path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, env=environment, check=True)
    losses = [float(value) for value in re.findall(r"test loss ([\d.]+)", done.stdout)]
    assert len(losses) >= 5 and losses[-1] < 0.8 * losses[0], done.stdout
