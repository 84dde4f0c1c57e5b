"""Hand-made cases, one for every kind of finding."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case
from descend.doctor.record import Cost, Effect, Ending, Fact, Reading, Record, Site, facts
from descend.doctor.script.script import Script
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.trial import Trial, TrialRun

SOURCE = """\
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

torch.manual_seed(0)
table = load_breast_cancer()
inputs = torch.tensor(table.data, dtype=torch.float32)
targets = torch.tensor(table.target)
model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for step in range(1410):
    batch = torch.randint(len(inputs), (64,))
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs[batch]), targets[batch])
    loss.backward()
    optimizer.step()
"""
CURED = SOURCE.replace(
    "targets = torch.tensor(table.target)\n",
    "inputs = (inputs - inputs.mean(0)) / inputs.std(0)\ntargets = torch.tensor(table.target)\n",
)
LECTURE = "Ba, CSC413 lecture 4, Ill-conditioned curvature"
METRIC = "negative log-likelihood on 256 training examples after 300 steps"
STEPS = 300


def write_script(root: Path, name: str = "train.py") -> Script:
    """Write the faulty script and return its path."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SOURCE)
    return Script(path, root)


def record_of(root: Path, *, steps: int = STEPS, reason: str = "window") -> Record:
    """Return a baseline record with loss, learning rate, monitored loss, gradient norm, costs and environment."""
    chance = random.Random(7)
    record = Record(
        run=7,
        script="python train.py",
        root=str(root),
        environment={"torch": "2.13.0", "python": "3.11", "threads": "1"},
    )
    for step in range(steps):
        loss = 0.1 + 2.2 * math.exp(-step / 60) + chance.gauss(0, 0.04)
        record.add(Reading("loss", "0", step, loss))
        record.add(Reading("learning_rate", "0", step, 0.5))
        record.add(Reading("gradient_norm", "", step, 1.5 * math.exp(-step / 90) + abs(chance.gauss(0, 0.1))))
    for step in range(0, steps, 20):
        record.add(Reading("monitored_loss", "", step, 0.1 + 2.2 * math.exp(-step / 60)))
        record.add(Reading("curvature", "0", step, 2.0 + 0.2 * chance.random()))
        record.add(Reading("accuracy", "", step, 1 - 0.9 * math.exp(-step / 60)))
    record.add(Fact.of(facts.Optimizer("SGD", groups=1, parameters=1000, lr=0.5, momentum=0.0), 0, "0"))
    record.extend(
        [
            Fact.of(facts.Monitor(2, (), 256, 256, "0" * 16, "0" * 16), 1),
            Cost("curvature", 0.412, 15),
            Cost("loss", 0.003, steps),
            Cost("activations", 0.09, 4),
            Site("optimizer", "0", str(root / "train.py"), 10, 12, 10, 55, "optimizer", detail="SGD"),
        ]
    )
    record.add(Ending(reason, 0, steps, wall_s=4.6, loop_s=2.1, probe_s=0.5, weights="ab" * 32))
    return record


def inputs_of(mean: Sequence[float], std: Sequence[float]) -> facts.Inputs:
    """Return the fact of features with these means and standard deviations."""
    scales = {"min": 0.0, "max": 4254.0, "largest_rms": 900.0, "finite": True}
    shape = (64, len(mean))
    return facts.Inputs(len(mean), 64, 0, tuple(mean), tuple(std), **scales, shape=shape, first_layer="linear")


def inputs_not_normalised(root: Path) -> Case:
    """Return a case with unnormalised inputs, an instability caused by them, and four trials, one proved."""
    script = write_script(root)
    record = record_of(root)
    chance = random.Random(3)
    means = [14.1, 19.3, 92.0, 654.9, 0.1, 0.1, 0.09, 0.05, 0.18, 0.06] * 3
    widths = [abs(mean) * (0.2 + 0.5 * chance.random()) for mean in means]
    record.add(Fact.of(inputs_of(means, widths), 0, "0"))
    for step in range(0, STEPS, 20):
        record.add(Reading("curvature_standardised", "0", step, 1.1 + 0.3 * chance.random()))
    record.readings["curvature", "0"][1][:] = [10.0 + 400 * math.exp(-i / 3) for i in range(15)]
    record.add(Effect("write", "/home/someone/runs/model.pt", True))
    finding = Symptom(
        True,
        "feature σ from 0.1 to 6.5: κ is 2 300 times that of the standardised inputs (bound 100); "
        "so α·λmax = 5.1 > 2: the cost rises",
        "condition_ratio",
        2300.0,
        100.0,
        LECTURE,
        Site("loader", "", str(root / "train.py"), 7, 9, 7, 54, "inputs", detail="tensor"),
        explains=frozenset({"instability", "slow_progress"}),
        id="inputs_not_normalised",
        kind="statics",
    )
    trials = (
        trial_of(script, "standardise_inputs", "standardise inputs", "proved", (0.083, 0.078, 0.091), CURED),
        trial_of(script, "learning_rate", "learning rate 0.5 → 0.09", "helps", (0.412, 0.390, 0.441)),
        trial_of(script, "adam", "Adam", "no_effect", (2.2655, 2.21, 2.32)),
        Trial(
            ("batch_norm",), "batch normalisation", "instability", "failed", METRIC, math.nan, math.nan,
            (math.nan, math.nan), (math.nan, math.nan), (), reason="the model is built in a library",
        ),
    )  # fmt: skip
    verified = "plain python train.py with the patch ends with the weights of the trial run, bit for bit"
    proof = Proof(trials=trials, fix=trials[0], verified=verified, reproduced=True)
    return Case(record, (finding, instability_symptom(root)), (), proof, 4.1, 36.4)


OF_PROOF = {field.name for field in fields(Proof)}


def altered(case: Case, **changes: Any) -> Case:
    """Return a case with some fields changed, each of the case itself or of its proof."""
    of_proof = {name: changes.pop(name) for name in OF_PROOF & changes.keys()}
    return replace(case, proof=replace(case.proof, **of_proof), **changes)


def trial_of(
    script: Script,
    remedy: str,
    label: str,
    verdict: str,
    after: tuple[float, float, float],
    text: str = SOURCE.replace("lr=0.5", "lr=0.09"),
) -> Trial:
    """Return a trial over five seeds with the trial runs' numbers 100… (unchanged) and 200… (changed)."""
    seeds = (1, 2, 3, 4, 5)
    mean, low, high = after
    return Trial(
        (remedy,),
        label,
        "inputs_not_normalised",
        verdict,
        METRIC,
        2.301,
        mean,
        (low, high),
        (low - 2.301, high - 2.301),
        seeds,
        script.edit(script.path, text),
        tuple(TrialRun(100 + seed, seed, 2.3, 0.11) for seed in seeds),
        tuple(TrialRun(200 + seed, seed, mean, 0.97) for seed in seeds),
        patch=script.edit(script.path, text).diff(),
        gain=(1 - high / 2.301, 1 - low / 2.301),
    )


def trial_runs() -> dict[int, Record]:
    """Return the records of the trial runs of `trial_of`; the third unchanged trial run diverges."""
    records = {}
    for seed in range(1, 6):
        chance = random.Random(seed)
        before, after = Record(run=100 + seed, role="trial_run"), Record(run=200 + seed, role="trial_run")
        for step in range(0, STEPS + 1, 10):
            value = 2.301 + 0.12 * chance.gauss(0, 1) + 0.2 * math.sin(step / 15 + seed)
            place = "negative_log_likelihood"
            before.add(Reading("metric", place, step, math.nan if seed == 3 and step > 250 else value))
            value = 0.083 + 2.2 * math.exp(-step / 40) * (1 + 0.1 * chance.gauss(0, 1))
            after.add(Reading("metric", place, step, value))
        records |= {before.run: before, after.run: after}
    return records


def instability_symptom(root: Path) -> Symptom:
    """Return the symptom of a learning rate too large for the curvature."""
    return Symptom(
        False,
        "α·λmax = 5.1 exceeds the stability bound 2 of gradient descent, and the loss rises",
        "sharpness",
        5.1,
        2.0,
        LECTURE,
        Site("optimizer", "0", str(root / "train.py"), 10, 12, 10, 55, "optimizer", detail="SGD"),
        evidence=(("loss", "0"), ("curvature", "0")),
        likely=True,
        explains=frozenset({"dead_units"}),
        id="instability",
        kind="dynamics",
    )


def instability(root: Path) -> Case:
    """Return a case whose loss grows over thirty decades and becomes NaN at step 40."""
    write_script(root)
    record = record_of(root)
    for name in ("loss", "curvature"):
        del record.readings[name, "0"]
    for step in range(60):
        value = 2.3 * 10 ** (step * 0.8) if step < 40 else math.nan
        record.add(Reading("loss", "0", step, value))
    for step in range(0, 40, 5):
        for name, size in (("curvature", 1.0), ("curvature_low", 0.8), ("curvature_high", 1.3)):
            record.add(Reading(name, "0", step, size * (4.0 + step)))
    return Case(record, (instability_symptom(root),), bare_s=4.1, total_s=9.0)


def output_loss_mismatch(root: Path) -> Case:
    """Return a case with softmax before the cross-entropy, whose loss stays above its lowest value."""
    write_script(root)
    record = record_of(root)
    losses = record.readings["loss", "0"][1]
    losses[:] = [1.4612 + 0.8 * math.exp(-i / 80) for i in range(len(losses))]
    called = {"function": "cross_entropy", "task": "classes", "reduction": "mean", "by_hand": False}
    shapes = {"shape": (64, 10), "target_shape": (64,), "dtype": "float32", "classes": 10}
    values = {"min": 0.0, "max": 1.0, "spread": 0.3, "row_sum_min": 1.0, "row_sum_max": 1.0}
    given = facts.LossInput(**called, **shapes, **values, activation="softmax")
    record.add(Fact.of(given, 0, "0"))
    finding = Symptom(
        True,
        "cross_entropy receives rows of probabilities (each sums to 1), so the loss cannot fall below 1.461",
        "loss_floor",
        1.48,
        1.4612,
        "cross-entropy of a one-hot softmax output, log(1 + (C − 1)/e)",
        Site("loss", "", str(root / "train.py"), 14, 11, 14, 76, detail="cross_entropy"),
        id="output_loss_mismatch",
        kind="statics",
    )
    return Case(record, (finding,), bare_s=4.1, total_s=9.0)


def dead_units(root: Path) -> Case:
    """Return a case in which two of three hidden layers die."""
    record = record_of(root)
    for module, shares in {"encoder.1": (0.02, 0.06), "encoder.3": (0.3, 0.95), "encoder.5": (0.4, 1.0)}.items():
        for step, share in zip((0, 300), shares):
            record.add(Reading("dead_share", module, step, share))
    finding = Symptom(
        False, "95 % of the units of encoder.3 are never active (bound 50 %)",
        "dead_share", 0.95, 0.5, LECTURE, module="encoder.3", evidence=(("dead_share", "encoder.3"),),
        id="dead_units", kind="dynamics"
    )  # fmt: skip
    return Case(record, (finding,), bare_s=4.1, total_s=9.0)


def no_zero_grad(root: Path) -> Case:
    """Return a case without zero_grad."""
    write_script(root)
    record = record_of(root)
    norms = record.readings["gradient_norm", ""][1]
    norms[:] = [0.5 * (i + 1) for i in range(len(norms))]
    finding = Symptom(
        True, "backward adds to gradients that no step ever zeroes",
        "zeroed_share", 0.0, 1.0, "PyTorch: backward accumulates", evidence=(("gradient_norm", ""),),
        where=Site("backward", "", str(root / "train.py"), 15, 4, 15, 19), id="no_zero_grad", kind="wiring"
    )  # fmt: skip
    return Case(record, (finding,), bare_s=4.1, total_s=9.0)


def symmetric_units(root: Path) -> Case:
    """Return a case in which all units of a layer are equal."""
    record = record_of(root)
    for name, share in {"0.weight": 1.0, "2.weight": 0.0}.items():
        record.add(Reading("duplicate_share", name, 0, share))
    finding = Symptom(
        True, "all 16 units of 0.weight start with the same weights",
        "duplicate_share", 1.0, 0.5, LECTURE, module="0.weight", id="symmetric_units", kind="statics"
    )  # fmt: skip
    return Case(record, (finding,), bare_s=4.1, total_s=9.0)


def vanishing_gradients(root: Path) -> Case:
    """Return a case whose problem has no special figure."""
    record = record_of(root)
    for step in range(0, STEPS, 20):
        record.add(Reading("gradient_norm", "layers.0.weight", step, 1e-7 * (1 + step / 100)))
        record.add(Reading("gradient_norm", "layers.9.weight", step, 1.0 + step / 1000))
    finding = Symptom(
        False, "the first layer's gradient is 10⁷ times smaller than the last's",
        "gradient_norm", 1e-7, 1e-3, LECTURE, module="layers.0",
        evidence=(("gradient_norm", "layers.0.weight"), ("gradient_norm", "layers.9.weight")),
        id="vanishing_gradients", kind="dynamics"
    )  # fmt: skip
    return Case(record, (finding,), bare_s=4.1, total_s=9.0)


Build = Callable[[Path], Case]
BUILDS = (inputs_not_normalised, instability, output_loss_mismatch, dead_units, no_zero_grad, symmetric_units)
FINDINGS: dict[str, Build] = {build.__name__: build for build in (*BUILDS, vanishing_gradients)}
