"""The answers to questions on the symmetries of the script's network at a point of its run."""

from typing import Any, TypeVar

import pytest
import torch
import torch.nn.functional as F
from moments import Training
from torch import Tensor, nn

from descend.doctor.measure import Unavailable
from descend.doctor.measure.hidden import structure
from descend.doctor.measure.network_outputs import error_rate, loss_of_outputs, outputs_and_loss, with_hard_thresholds
from descend.doctor.measure.optimizer_factory import optimizer_factory
from descend.doctor.measure.random_labels import randomised_recordings
from descend.doctor.measure.shown.symmetry import QUESTIONS, symmetry
from descend.doctor.record import Record, facts
from descend.landscape.memorising import INPUTS, LABELS, TRUE

X = torch.randn(64, 6, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] * X[:, 1] > 0).long()
Kind = TypeVar("Kind")
BATCHES = list(zip(X.split(16), Y.split(16)))


def training(*layers: nn.Module, binary: bool = False, **changes: Any) -> Training:
    torch.manual_seed(0)
    net = nn.Sequential(*(layers or (nn.Linear(6, 12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 2))))

    def cost(x: Tensor, y: Tensor) -> Tensor:
        return F.mse_loss(net(x)[:, 0].sigmoid(), y.float()) if binary else F.cross_entropy(net(x), y)

    steps = [(lambda x=x, y=y: cost(x, y)) for x, y in BATCHES]
    return Training(net, steps, torch.optim.Adam(net.parameters(), lr=0.02), **changes)


def target_covariance(training: Training, *questions: str, steps: int = 120) -> Record:
    asked = {"what": "symmetry", "at": [], "last": True, "followed": 0, "questions": questions}
    assert not list(symmetry(training.snapshot(asked=asked)))
    training.train(steps)
    held = [p.clone() for p in training.parameters]
    record = Record()
    record.extend(symmetry(training.snapshot(asked=asked, is_last=True)))
    assert all(torch.equal(a, b) for a, b in zip(held, training.parameters))  # the script's own objects are unchanged
    return record


def found(record: Record, kind: type[Kind]) -> Kind:
    (fact,) = record.every(kind).values()
    return fact


@pytest.mark.slow
def test_every_question_of_a_small_classifier() -> None:
    record = target_covariance(training(), *QUESTIONS)
    assert not record.every(facts.Unanswered)
    (layer,) = found(record, facts.Permutations).layers
    assert layer.units == 12 and layer.is_symmetric and layer.is_not_convex
    assert layer.cost == found(record, facts.SymmetryPoint).loss and layer.mean > layer.cost
    scales = dict(found(record, facts.Scales).largest)
    assert scales[1.0] < scales[10.0] < scales[30.0]
    rescaling = found(record, facts.Rescaling)
    assert len([each for each in rescaling.measures if each.survives]) == 4 and len(rescaling.measures) == 7
    assert rescaling.rescaled_cost == pytest.approx(rescaling.cost, rel=1e-5)
    memorising = found(record, facts.Memorising)
    passes, wrong = memorising.passes, memorising.wrong
    assert passes[TRUE] < passes[LABELS] and wrong[LABELS] < 0.2
    convexity = found(record, facts.Convexity)
    assert convexity.output_layer and not convexity.outputs.is_refuted and not convexity.output_layer.is_refuted
    assert convexity.all.is_refuted
    random, bad = found(record, facts.RandomUnits), found(record, facts.BadMinimum)
    assert random.trained <= random.cost < random.random
    assert bad.is_minimum and bad.is_bad
    shares = Y.double().mean()
    entropy = float(-(shares * shares.log() + (1 - shares) * (1 - shares).log()))
    assert bad.cost == pytest.approx(entropy, rel=1e-3)  # of the best constant answer
    plateau = found(record, facts.Plateau)
    assert plateau.wrong_unmoved == 1.0 and plateau.hard_zero > plateau.soft_zero


def test_a_squared_error_of_probabilities_is_not_convex_in_the_logits() -> None:
    record = target_covariance(training(nn.Linear(6, 2), binary=True), "convexity", "permutation", "minima", steps=20)
    convexity = found(record, facts.Convexity)
    assert convexity.activation == "sigmoid" and convexity.outputs.is_refuted
    assert found(record, facts.Permutations).layers == () and not record.every(facts.BadMinimum)


def test_unanswerable_questions_are_reported_with_the_reason() -> None:
    unanswered = found(
        target_covariance(training(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2)), "sharpness", steps=1), facts.Unanswered
    )
    assert unanswered.question == "sharpness" and "no layer can be rescaled" in unanswered.reason


def test_nonfinite_weights_are_refused() -> None:
    broken = training()
    with torch.no_grad():
        broken.net[0].weight.fill_(float("nan"))
    asked = {"what": "symmetry", "at": [], "last": True, "followed": 0, "questions": ["permutation"]}
    with pytest.raises(Unavailable, match="a weight is not finite at last"):
        list(symmetry(broken.snapshot(asked=asked, is_last=True)))


def test_outputs_and_their_loss() -> None:
    recording = training(nn.Linear(6, 2)).monitor[0]
    slots, theta = list(recording.parameters), [p.detach() for p in recording.parameters.values()]
    outputs, cost = outputs_and_loss(recording, slots).evaluate(theta)
    logits = F.linear(X[:16], *theta)
    assert torch.equal(outputs, logits) and float(cost) == float(F.cross_entropy(logits, Y[:16]))
    assert loss_of_outputs(recording).value([2 * logits]) == float(F.cross_entropy(2 * logits, Y[:16]))
    assert error_rate(recording, slots, theta) == float((logits.argmax(1) != Y[:16]).double().mean())
    with pytest.raises(Unavailable, match="no hidden unit"):
        with_hard_thresholds(recording)


def test_hard_thresholds_replace_the_activations() -> None:
    net = training(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)).net
    recording = Training(net, [lambda: F.cross_entropy(net(X), Y)]).monitor[0]
    steps = (net[0](X) > 0).float()
    assert float(with_hard_thresholds(recording).run({})) == pytest.approx(F.cross_entropy(net[2](steps), Y).item())


def test_labels_in_random_order_and_noise_for_inputs() -> None:
    recordings = training(nn.Linear(6, 2)).monitor
    made = randomised_recordings(recordings)
    weight, bias = (p.detach() for p in recordings[0].parameters.values())

    def cost(recording: Any, x: Tensor, y: Tensor) -> bool:
        return float(recording.run({})) == pytest.approx(F.cross_entropy(F.linear(x, weight, bias), y).item())

    assert all(cost(r, x, y) for r, (x, y) in zip(made[TRUE], BATCHES))
    assert not any(cost(r, x, y) for r, (x, y) in zip(made[LABELS], BATCHES))
    assert not any(cost(r, x, y) for r, (x, y) in zip(made[INPUTS], BATCHES))
    words = nn.Embedding(9, 2)
    ids = torch.arange(8)
    tokens = Training(words, [lambda: F.cross_entropy(words(ids), ids % 2)]).monitor
    assert set(randomised_recordings(tokens)) == {
        TRUE,
        LABELS,
    }  # token ids are not real numbers, so there is no noise in place of them


@pytest.mark.parametrize("kind", ["groups", "LBFGS", "by hand"])
def test_the_scripts_optimizer_is_recreated(kind: str) -> None:
    parameters = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))]
    optimizer: torch.optim.Optimizer | None = None
    if kind == "groups":
        groups = [{"params": parameters[:1], "lr": 0.1}, {"params": parameters[1:], "lr": 0.3, "initial_lr": 0.2}]
        optimizer = torch.optim.SGD(groups, momentum=0.9)
    elif kind == "LBFGS":
        optimizer = torch.optim.LBFGS(parameters)
    rule = optimizer_factory(optimizer, parameters)
    made = rule([p.detach().clone().requires_grad_() for p in parameters])
    if kind == "groups":
        assert rule.name == "SGD with learning rate 0.1, 0.2"
        assert [(g["lr"], g["momentum"]) for g in made.param_groups] == [(0.1, 0.9), (0.2, 0.9)]
    else:
        assert isinstance(made, torch.optim.Adam) and "Adam with learning rate 0.001, because" in rule.name
    assert all(torch.equal(p, torch.ones_like(p)) for p in parameters)


def test_the_output_layer_is_known() -> None:
    found = structure(training().monitor[0])
    assert found.output == (2, 3) and [layer.hidden.count for layer in found.layers] == [12]
