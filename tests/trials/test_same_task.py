"""A trial with another task than the baseline is not compared by any metric."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tables import MONITOR, Table, prescription, record_of, tried, verdicts
from test_evaluation_metric import printing

from descend.doctor.record import Fact, Record, facts
from descend.doctor.trials.same_evaluation import EVALUATION_CHANGED
from descend.doctor.trials.same_task import OTHER_EVALUATION, OTHER_INPUTS, OTHER_TARGETS, other_task_message

SEEN = facts.EvaluationData(targets=("t",), inputs=("x",), random="r")


def run_of(evaluation: facts.EvaluationData = SEEN, targets: str = "same", random: str = "r") -> Record:
    record = record_of(1.0)
    record.facts[facts.name_of(facts.Monitor), ""] = [Fact.of(replace(MONITOR, targets=targets, random=random), 0)]
    record.add(Fact.of(evaluation, 0, "0"))
    return record


@pytest.mark.parametrize(
    ("other", "remakes", "expected"),
    [
        (run_of(), (), ""),
        (run_of(targets="others"), (), OTHER_TARGETS),
        (run_of(targets="others"), ("inputs",), OTHER_TARGETS),
        (run_of(targets="others"), ("targets",), ""),
        (run_of(targets="others", random="elsewhere"), (), ""),  # They may be other draws of the same task.
        (run_of(replace(SEEN, targets=("others",))), ("targets", "inputs"), OTHER_EVALUATION),
        (run_of(replace(SEEN, targets=("others",))), ("pairs",), ""),
        (run_of(replace(SEEN, targets=())), (), ""),
        (run_of(replace(SEEN, targets=("others", "t"))), (), ""),
        (run_of(replace(SEEN, inputs=("others",))), ("targets",), OTHER_INPUTS),
        (run_of(replace(SEEN, inputs=("others",))), ("inputs",), ""),
        (run_of(replace(SEEN, inputs=("others",), random="elsewhere")), (), ""),
    ],
)
def test_another_task_is_recognised(other: Record, remakes: tuple[facts.Remade, ...], expected: str) -> None:
    assert other_task_message(other, run_of(), remakes, run_of()) == expected


@pytest.mark.parametrize("known", [facts.DiffersBetweenRuns(), facts.TargetsFollow()])
def test_targets_that_every_edit_changes_are_not_compared(known: object) -> None:
    baseline = run_of()
    baseline.add(Fact.of(known, 0))
    assert other_task_message(run_of(targets="others"), baseline, (), baseline) == ""


class Relabelling(Table):
    """Trial runs whose edit changes the targets and improves the printed accuracy."""

    follows = False  # whether the targets differ without training, too

    def answer(self, job) -> Record:
        is_changed = "a" in next(iter(job.script.edits.values())).split()
        record = printing(super().answer(job), 0.9 if is_changed else 0.4)
        targets = "others" if is_changed or self.follows and not job.trains else "same"
        record.facts[facts.name_of(facts.Monitor), ""] = [Fact.of(replace(MONITOR, targets=targets, random="r"), 0)]
        record.add(Fact.of(SEEN, 0, "0"))
        return record


@pytest.mark.parametrize("judged_on", ["fixed", "metric", "training", "held_out", "median", "spread"])
def test_no_metric_compares_another_task(judged_on: str) -> None:
    table = Relabelling({"pass": 1.0, "a": 0.1})
    baseline = printing(run_of(), 0.4)
    for name, place in (("evaluation_loss", ""), ("median_error", "squared_error"), ("spread_metric", "nll")):
        baseline.readings[name, place] = ([10, 20], [1.0, 1.0])
    proof, _ = tried({}, [replace(prescription("a"), judged_on=judged_on)], baseline, table)
    assert verdicts(proof) == {"a": "failed"} and proof.fix is None
    assert OTHER_TARGETS in proof.trials[0].reason


def test_data_that_a_remedy_changes_by_design_are_compared() -> None:
    declared = replace(prescription("a"), judged_on="metric", remakes=frozenset({"targets"}))
    proof, _ = tried({}, [declared], printing(run_of(), 0.4), Relabelling({"pass": 1.0, "a": 0.1}))
    assert verdicts(proof) == {"a": "proved"}


@pytest.mark.parametrize(("untrained", "verdict"), [(0.1, "proved"), (0.3, "failed")])
def test_unrecorded_evaluation_targets_are_checked_by_the_untrained_metric(untrained: float, verdict) -> None:
    """The edit may change the logged metric, too."""

    class Unseen(Relabelling):
        def answer(self, job) -> Record:
            record = super().answer(job)
            del record.facts[facts.name_of(facts.EvaluationData), "0"]
            return record if job.trains else printing(record, untrained)

    baseline = printing(record_of(1.0), 0.4)
    baseline.add(Fact.of(facts.UntrainedMetric(0.1), 0, "test acc"))
    declared = replace(prescription("a"), judged_on="metric", remakes=frozenset({"targets"}))
    proof, _ = tried({}, [declared], baseline, Unseen({"pass": 1.0, "a": 0.1}))
    assert verdicts(proof) == {"a": verdict}


def test_targets_that_depend_on_the_weights_differ_in_every_trial() -> None:
    table = Relabelling({"pass": 1.0, "a": 0.1})
    table.follows = True
    proof, _ = tried({}, [replace(prescription("a"), judged_on="metric")], printing(run_of(), 0.4), table)
    assert verdicts(proof) == {"a": "proved"}


# Labels are drawn from the normalised features. Without the normalisation they would be easier to learn. Without
# training all scores are 0, so the printed metric is the same for any labels.
LOGISTIC = """import torch

torch.manual_seed(0)
n, d = 600, 12
x = torch.randn(n, d)
x = x / x.norm(dim=1, keepdim=True)
y = torch.bernoulli(torch.sigmoid(x @ torch.randn(d)))
x_train, y_train, x_test, y_test = x[:400], y[:400], x[400:], y[400:]
weights, bias = torch.zeros(d, requires_grad=True), torch.zeros(1, requires_grad=True)


def auc(scores, labels):
    apart = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    return (apart > 0).double().mean() + (apart == 0).double().mean() / 2


optimizer = torch.optim.SGD([weights, bias], lr=1.0)
for epoch in range(60):
    loss = torch.nn.functional.binary_cross_entropy_with_logits(x_train @ weights + bias, y_train)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    print(f"test auc {auc(x_test @ weights + bias, y_test):.3f}")
"""
# A teacher network labels scaled inputs, in training and in a separate evaluation set.
TAUGHT = """import torch
from torch import nn

torch.manual_seed(0)
teacher = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 1)).requires_grad_(False)


def sample(n):
    x = torch.randn(n, 6)
    x = x * torch.tensor([4.0, 4.0, 4.0, 0.1, 0.1, 0.1])
    return x, teacher(x) + 0.3 * torch.randn(n, 1)


x, y = sample(300)
x_test, y_test = sample(300)
net = nn.Linear(6, 1)
nn.init.zeros_(net.weight)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(20):
    for rows in torch.randperm(300).split(50):
        loss = nn.functional.mse_loss(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    print("test r2", (1 - (net(x_test) - y_test).pow(2).mean() / y_test.var()).item())
"""


@pytest.mark.slow
@pytest.mark.parametrize("program", [LOGISTIC, pytest.param(TAUGHT, marks=pytest.mark.thorough)])
def test_edits_of_data_that_determine_the_targets_do_not_count(descend_here, tmp_path: Path, program: str) -> None:
    (tmp_path / "train.py").write_text(program)
    case = json.loads(descend_here("doctor", "--format", "json", "--seeds", "2", "train.py", cwd=tmp_path).stdout)
    assert "unreadable" not in [finding["symptom"] for finding in case["findings"]] and not case["patch"]
    reasons = {trial["reason"] for trial in case["trials"] if "leave_out" in trial["remedies"]}
    assert reasons <= {OTHER_TARGETS, EVALUATION_CHANGED} and (OTHER_TARGETS in reasons or program is TAUGHT)
