"""Evaluation inputs that differ from training inputs are found, however the evaluation is written."""

import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from descend.doctor.instrumentation.evaluation_tape import EvaluationTape
from descend.doctor.instrumentation.frames import SourceTree
from descend.doctor.record import Record, facts
from descend.doctor.script.script import Script
from descend.doctor.tape import Origin

SCRIPT = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X, T = torch.randn(300, 4), torch.randn(300, 1)
net, teacher = nn.Linear(4, 1), nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
loader = DataLoader(TensorDataset(X[200:], T[200:]), batch_size=50)
{before}

for step in range(12):
    loss = nn.functional.mse_loss(net({given}), T[:64])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    {each}
{after}
"""
SHIFTED = 'with torch.no_grad():\n        print("test error", (net(X[200:] * 10) - T[200:]).square().mean().item())'
LOADED = """with torch.no_grad():
        for x, t in loader:
            error = (net(x.flip(0)) - t).square().mean()
    print("test error", error.item())"""
HIDDEN = """with torch.no_grad():
        whole = X[200:] + 0
        print("test error", (net(whole.masked_fill(whole > 0, 0)) - whole[:, :1]).square().mean().item())"""
DECORATED = """@torch.no_grad()
def score(x):
    return net(x).mean().item()
"""
TEACHER = "with torch.no_grad():\n        teacher(X[:64] * 10)"


@pytest.fixture
def seen(observe, tmp_path: Path):
    def look(
        *,
        before: str = "",
        each: str = "pass",
        after: str = "",
        role: str = "baseline",
        given: str = "(X[:64] - 1) / 2",
    ) -> Record:
        path = tmp_path / "train.py"
        path.write_text(SCRIPT.format(before=before, each=each, after=after, given=given))
        return observe(Script(path, tmp_path), role=role)

    return look


def functions(record: Record) -> list[str]:
    return [call.function for call in record.every(facts.OnEvaluated).values()]


def line(record: Record, kind: str, key: str) -> str:
    site = record.site(kind, key)
    text = Path(site.file).read_text().splitlines()[site.line - 1]
    return text[site.column : site.end_column]


def test_masking_of_the_input_is_not_reported(seen) -> None:
    """The masked values are the answer that the network has to predict, as in masked language models."""
    record = seen(each=HIDDEN)
    assert list(record.every(facts.EvaluatedInputs)) == ["0"]
    assert not record.every(facts.OnEvaluated)


@pytest.mark.parametrize("context", ["no_grad", "inference_mode"])
def test_shifted_evaluation_inputs_are_reported_with_distance_and_line(seen, context: str) -> None:
    record = seen(each=SHIFTED.replace("no_grad", context))
    given = record.fact(facts.EvaluatedInputs, "0")
    assert list(record.every(facts.EvaluatedInputs)) == ["0"] and given.examples == 100
    assert given.trained_mean == pytest.approx(-0.5, abs=0.2) and given.std == pytest.approx(10, rel=0.2)
    assert given.distance > 10
    assert line(record, "evaluation", "0") == "net(X[200:] * 10)"
    assert record.fact(facts.OnEvaluated, "0.0").function == "mul"
    assert line(record, "on_evaluated", "0.0") == "X[200:] * 10"


def test_only_the_first_batch_of_a_loader_is_recorded(seen) -> None:
    record = seen(each=LOADED)
    assert record.fact(facts.EvaluatedInputs, "0").examples == 50
    assert functions(record) == ["flip"]


@pytest.mark.parametrize("given", ["X[200:]", "(X[200:] - 1) / 2"])
def test_an_evaluation_in_a_decorated_function_is_recorded(seen, given: str) -> None:
    record = seen(before=DECORATED, after=f"score({given})")
    assert record.fact(facts.EvaluatedInputs, "0").distance < 2
    assert not record.every(facts.OnEvaluated)  # Calls outside the function are not recorded.


def test_preprocessing_that_training_shares_is_not_reported(seen) -> None:
    each = "with torch.no_grad():\n        net(prepared(X[200:]).roll(1, 0))"
    found = seen(before="def prepared(x):\n    return x.flip(0)\n", given="prepared(X[:64])", each=each)
    assert functions(found) == ["roll"]


def test_the_computation_of_the_scripts_metric_is_not_reported(seen) -> None:
    each = "with torch.no_grad():\n        r2 = 1 - (T - net(X)).square().mean() / (T - T.mean()).square().mean()"
    record = seen(each=each)
    assert record.every(facts.EvaluatedInputs) and not record.every(facts.OnEvaluated)


def test_tensors_are_inference_tensors_again_after_the_recording(seen) -> None:
    each = "with torch.inference_mode():\n        said = net(X[200:])\n    print('accuracy', int(said.is_inference()))"
    record = seen(each=each)
    assert list(record.every(facts.EvaluatedInputs)) == ["0"]
    assert sorted(record.series("logged_metric", "accuracy").values) == [0.0] + [1.0] * 11


def test_a_forward_pass_of_another_network_is_not_an_evaluation(seen) -> None:
    record = seen(each=TEACHER)
    assert not record.every(facts.EvaluatedInputs) and not record.every(facts.OnEvaluated)


def test_a_call_of_a_part_of_the_network_is_not_reported(seen) -> None:
    """For example a decoder, whose input in training is another tensor."""
    record = seen(
        before="first, last = nn.Linear(4, 4), net\nnet = nn.Sequential(first, nn.Tanh(), last)\n"
        "optimizer = torch.optim.SGD(net.parameters(), lr=0.01)",
        each="with torch.no_grad():\n        last(X[200:].flip(0))",
    )
    assert functions(record) == ["flip"]
    assert not record.every(facts.EvaluatedInputs)


def test_trials_do_not_measure_evaluations(seen) -> None:
    assert not seen(each=SHIFTED, role="trial_run").every(facts.EvaluatedInputs)


class SlowEvaluation:
    """An evaluation of one second, recorded by a tape with the options and a time budget of `left` seconds."""

    def __init__(self, monkeypatch, **options) -> None:
        self.seconds, self.left, self.notes, self.measured, self.reported = 0.0, 0.0, [], [], []
        self.weight = torch.ones(2)
        budget = SimpleNamespace(
            clock=lambda: self.seconds, left=lambda: self.left, is_spending=False, charging=lambda probe: nullcontext()
        )
        of_training = SimpleNamespace(blocked="", pause=lambda: None, resume=lambda: None)
        note = lambda probe, reason, step: self.notes.append(reason)  # noqa: E731
        step = SimpleNamespace(parameters={0: self.weight})
        probe_runner = SimpleNamespace(monitor=(step,), tape=of_training, budget=budget, note=note)
        report_site = lambda kind, key, span: self.reported.append((kind, key))  # noqa: E731
        modules = SimpleNamespace(tree=SourceTree(), origin=lambda frame: Origin(None, None), report_site=report_site)
        early_checks = SimpleNamespace(is_parameter=lambda leaf: True)
        self.tape = EvaluationTape(
            SimpleNamespace(
                modules=modules, probe_runner=probe_runner, early_checks=early_checks, is_disabled=False, steps=0
            ),
            **options,
        )
        monkeypatch.setattr(self.tape, "_measure", self.measure)

    def measure(self, recording, *, probing) -> None:
        self.tape._known.add(self.tape._span)
        self.measured.append(probing)

    def run(self, left: float, used: torch.Tensor | None = None) -> None:
        self.left, context = left, torch.no_grad()
        self.tape.evaluation_begins(context, sys._getframe())
        torch.sum(self.weight if used is None else used)
        self.tape._called = self.tape._span  # as if the network had been called
        self.seconds += 1.0
        self.tape.evaluation_ends(context)


def test_an_expensive_evaluation_is_recorded_when_the_budget_suffices(monkeypatch) -> None:
    evaluation = SlowEvaluation(monkeypatch)
    # three times the duration of the evaluation is needed, once
    for left, count in ((1.0, 0), (2.9, 0), (3.0, 1), (9.0, 1)):
        evaluation.run(left)
        assert len(evaluation.measured) == count and bool(evaluation.tape._waiting) == (not count)
        evaluation.tape.finish()
    assert evaluation.notes == ["the evaluation takes too long to be replayed within the time budget"] * 2


def test_an_evaluation_without_time_to_replay_it_is_known_if_it_uses_the_network(monkeypatch) -> None:
    other, evaluation = SlowEvaluation(monkeypatch), SlowEvaluation(monkeypatch)
    other.run(1.0, torch.ones(2))
    evaluation.run(1.0)
    assert not other.reported and not evaluation.measured
    assert evaluation.reported == [("evaluation", "unmeasured 0")]


@pytest.mark.parametrize(("probing", "measured"), [(False, [False]), (True, [False, True])])
def test_a_compared_run_has_the_fingerprints_of_its_first_evaluation(monkeypatch, probing, measured) -> None:
    evaluation = SlowEvaluation(monkeypatch, probing=probing, is_compared=True)
    for left in (0.0, 0.0, 9.0, 9.0):
        evaluation.run(left)
    assert evaluation.measured == measured


@pytest.mark.parametrize("measured", [SHIFTED, LOADED])
def test_trials_record_the_same_evaluation_fingerprints(seen, measured: str) -> None:
    baseline = seen(each=measured).every(facts.EvaluationData)
    trial = seen(each=measured, role="trial_run").every(facts.EvaluationData)
    assert baseline == trial and list(trial) == ["0"] and trial["0"].targets and trial["0"].inputs


def test_different_targets_or_inputs_have_different_fingerprints(seen) -> None:
    plain = seen(after=SHIFTED, role="trial_run").fact(facts.EvaluationData, "0")
    targets = seen(before="T[250:] += 1", after=SHIFTED, role="trial_run").fact(facts.EvaluationData, "0")
    inputs = seen(before="X[250:] += 1", after=SHIFTED, role="trial_run").fact(facts.EvaluationData, "0")
    assert targets.targets != plain.targets and targets.inputs == plain.inputs
    assert inputs.targets == plain.targets and inputs.inputs != plain.inputs
    assert plain.random == targets.random == inputs.random
