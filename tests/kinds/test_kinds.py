"""Every kind of script: unchanged under observation, its fault found, the fix proved in its own idiom, no false alarm.

A program's line `lr=0.3  # sick: lr=0.3 | lr=30.0` reads the second in the sick one. What passes is a row of the
table of docs/kinds.md, which `kinds_table` writes. `make test` runs the doctor on some kinds, `make kinds` on all.
"""

import functools
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_diabetes, load_digits

PROGRAMS = Path(__file__).parent / "programs"
MARK = re.compile(r"^(?P<code>.*?)  # sick: (?P<old>.*?) \| (?P<new>.*)$", re.MULTILINE)
FAULT = re.compile(r"; sick: .*?(\.?\"\"\")")
NOTEBOOK = "train.ipynb"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
QUICKLY = ("--seeds", "2", "--steps", "80")

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Kind:
    """One kind of script, with the finding and the fix that its faulty program must get."""

    name: str
    program: str  # a file or a folder of `programs`
    finding: str
    patched: str  # what a line that the patch adds has
    command: tuple[str, ...] = ()  # the program itself where it is empty
    options: tuple[str, ...] = QUICKLY
    needs: str = ""  # a package
    ranks: int = 1  # processes that torchrun starts
    always: bool = False  # taken to the doctor by `make test`, too
    in_run: bool = False  # nothing is in it that no loop of tests/execution has: `make test` watches that one

    def write(self, folder: Path, *, sick: bool) -> list[str]:
        """Write the program and return how it is named on a command line."""
        source = PROGRAMS / self.program
        if source.is_dir():
            shutil.copytree(source, folder, dirs_exist_ok=True)
        else:
            shutil.copy(source, folder)
        for name, content in datasets().items():
            (folder / name).write_bytes(content)
        for path in (p for p in folder.rglob("*") if p.suffix in (".py", ".yaml")):
            text = MARK.sub(lambda m: m["code"].replace(m["old"], m["new"], 1) if sick else m["code"], path.read_text())
            path.write_text(FAULT.sub(r"\1", text))
        if self.command == (NOTEBOOK,):
            Path(folder, NOTEBOOK).write_text(notebook((folder / self.program).read_text().split("# %%\n")))
            (folder / self.program).unlink()
        return list(self.command or (self.program,))


@functools.cache
def datasets() -> dict[str, bytes]:
    """Return the files that the programs load: importing scikit-learn in each run would take longer than training."""
    digits, diabetes = load_digits(), load_diabetes()
    return {
        "digits.pt": saved(images=torch.tensor(digits.data).float(), labels=torch.tensor(digits.target)),
        "diabetes.pt": saved(
            features=torch.tensor(diabetes.data).float(), targets=torch.tensor(diabetes.target).float()
        ),
    }


def saved(**tensors: torch.Tensor) -> bytes:
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    return buffer.getvalue()


def notebook(cells: list[str]) -> str:
    """Return a notebook of code cells as Jupyter writes it."""
    made = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": cell} for cell in cells
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return json.dumps({"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}, indent=1)


def printed(kind: Kind, folder: Path, named: list[str], *, watched: bool) -> list[str]:
    """Return the lines that a program prints under plain python, torchrun or Jupyter, or watched there."""
    if named == [NOTEBOOK]:
        return printed_in_jupyter(folder, watched=watched)
    command = [sys.executable, *TORCHRUN] if kind.ranks > 1 else [sys.executable]
    command += [*(("-m", "descend", "watch") if watched else ()), *named]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True)
    return sorted(done.stdout.splitlines()) if kind.ranks > 1 else done.stdout.splitlines()


def printed_in_jupyter(folder: Path, *, watched: bool) -> list[str]:
    """Run the notebook; where it is watched, with the context manager around its last cell."""
    import nbclient
    import nbformat

    cells = nbformat.read(folder / NOTEBOOK, 4)
    if watched:
        training = textwrap.indent(cells.cells[-1].source, "    ")
        cells.cells[-1].source = f"import descend\nwith descend.watch(net, optimizer):\n{training}"
    ran = nbclient.NotebookClient(cells, resources={"metadata": {"path": str(folder)}}).execute()
    return "".join(output.text for output in ran.cells[-1].outputs if output.name == "stdout").splitlines()


LR, CLEARED = ("instability", "lr="), ("no_zero_grad", "zero_grad()")
KINDS = [
    Kind("a plain loop", "plain_loop.py", *CLEARED, in_run=True),
    Kind("a trainer class", "trainer_class.py", "output_loss_mismatch", "return scores", in_run=True),
    Kind("L-BFGS with a closure", "lbfgs_closure.py", *CLEARED, in_run=True),
    Kind("accumulated gradients", "accumulation.py", *CLEARED, in_run=True),
    Kind(
        "AMP: float16, GradScaler",
        "amp_float16.py",
        "output_loss_mismatch",
        "F.cross_entropy(model(x[rows]), y[rows])",
        in_run=True,
    ),
    Kind("AMP: bfloat16", "amp_bfloat16.py", "inputs_not_normalised", "images.std()", in_run=True),
    Kind("a GAN", "gan.py", *LR, in_run=True),
    Kind("Lightning", "lightning_digits.py", "instability", "return torch.optim.", needs="lightning", in_run=True),
    Kind(
        "Transformers Trainer",
        "transformers_trainer.py",
        "instability",
        "learning_rate=",
        needs="transformers",
        in_run=True,
    ),
    Kind("accelerate", "accelerate_loop.py", *CLEARED, needs="accelerate", in_run=True),
    Kind("torch.compile, model and step", "compiled.py", *CLEARED, in_run=True),
    Kind("packed sequences", "packed_sequences.py", "output_loss_mismatch", "return self.head(last[0]).squeeze(1)"),
    Kind("graphs, ragged batches", "graphs.py", "inputs_not_normalised", "self.input_std"),
    Kind(
        "DataLoader workers, forked",
        "loader_workers.py",
        "unshuffled_data",
        "shuffle=True",
        ("loader_workers.py", "fork"),
        in_run=True,
    ),
    Kind(
        "DataLoader workers, spawned",
        "loader_workers.py",
        "unshuffled_data",
        "shuffle=True",
        ("loader_workers.py", "spawn"),
        in_run=True,
    ),
    Kind("IterableDataset, an endless stream", "iterable_stream.py", "slow_progress", "lr=", in_run=True),
    Kind("activation checkpointing", "checkpointing.py", "bad_initialisation", "kaiming_normal_(", in_run=True),
    Kind("shared weights", "shared_weights.py", *CLEARED, in_run=True),
    Kind("several losses", "several_losses.py", "frozen_or_detached", "features = self.body(x)", in_run=True),
    Kind("an optimizer outside torch.optim", "own_optimizer.py", *LR, in_run=True),
    Kind("functional: torch.func", "functional.py", "instability", "lr = ", in_run=True),
    Kind("physics-informed: double backward", "physics_informed.py", *LR),
    Kind("reinforcement learning", "reinforcement.py", *LR, in_run=True),
    Kind(
        "`python -m package.train`",
        "package_module",
        "output_loss_mismatch",
        "self.output(",
        ("-m", "trainer.train"),
        in_run=True,
    ),
    Kind("configured by argparse", "by_argparse.py", "instability", "lr", in_run=True),
    Kind("configured by a dataclass", "by_dataclass.py", "instability", "lr", in_run=True),
    Kind("configured by YAML groups", "configured_by_yaml", "instability", "lr: ", ("train.py",), in_run=True),
    Kind(
        "torchrun, two processes",
        "distributed.py",
        "output_loss_mismatch",
        "F.cross_entropy(model(images), labels)",
        ranks=2,
        always=True,
    ),
    Kind("a Jupyter notebook", "notebook.py", *CLEARED, (NOTEBOOK,), needs="nbclient"),
    Kind("two stages", "stages.py", "warm_start", "lr=", options=("--seeds", "2", "--steps", "250")),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request, record_property):
    if request.param.needs and importlib.util.find_spec(request.param.needs) is None:
        pytest.skip(f"{request.param.needs} is not installed")
    record_property("kind", {"name": request.param.name, "of": [kind.name for kind in KINDS]})
    return request.param


@pytest.fixture
def examined_kind(request, kind):
    """A kind on which the doctor is run; all kinds take a quarter of an hour."""
    if not (kind.always or request.config.getoption("--kinds")):
        pytest.skip("make kinds takes every kind to the doctor")
    return kind


def test_the_healthy_one_is_unharmed(request, kind, tmp_path, record_property):
    if (kind.in_run or kind.always) and not request.config.getoption("--kinds"):
        pytest.skip("make kinds watches this one, too")
    named = kind.write(tmp_path, sick=False)
    plain = printed(kind, tmp_path, named, watched=False)
    assert plain and printed(kind, tmp_path, named, watched=True) == plain
    record_property("kind", {"name": kind.name, "unharmed": True})


def test_the_healthy_one_gets_no_finding(examined_kind, descend_here, tmp_path, record_property):
    done = descend_here(
        "doctor", "--format", "json", *examined_kind.options, *examined_kind.write(tmp_path, sick=False), cwd=tmp_path
    )
    findings = json.loads(done.stdout)["findings"]
    assert done.returncode in (0, 3) and findings == [], done.stderr
    record_property("kind", {"name": examined_kind.name, "healthy": True})


def test_the_sick_one_gets_its_finding_and_a_proved_patch(examined_kind, descend_here, tmp_path, record_property):
    named = examined_kind.write(tmp_path, sick=True)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    done = descend_here("doctor", "--format", "json", *examined_kind.options, *named, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    case = json.loads(done.stdout)
    assert case["findings"][0]["symptom"] == examined_kind.finding
    assert (tmp_path / case["findings"][0]["where"]["file"]) in before
    added = [line for line in case["patch"].splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert any(examined_kind.patched in line for line in added)
    assert [t["verdict"] for t in case["trials"]].count("proved") == 1 and case["reproduced"]
    assert {path: path.read_bytes() for path in before} == before
    record_property(
        "kind", {"name": examined_kind.name, "finding": examined_kind.finding, "patched": examined_kind.patched}
    )
