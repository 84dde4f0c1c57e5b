"""Every claim of the gallery: what it says, and a measurement of those that take a second."""

import math
from importlib import import_module
from inspect import getdoc

import pytest

from descend.claims.claim import Scale
from descend.claims.estimate import Answer
from descend.claims.experiments.least_squares import PROBLEMS, least_squares
from descend.claims.gallery import claim_names, load_claim
from descend.claims.gallery.momentum_of_one_never_settles import Settling
from descend.claims.measure import judge, measure
from descend.claims.rows import row_key
from descend.claims.tasks import TASKS

TEXTS = ("Ba, CSC", "Cheng, COMP", "Optimization for Training Deep", "Aitchison, EMAT", "Ruder")
QUICK = {
    "curvature-decides-the-regime": PROBLEMS[1] + ", αλ = 2.5",
    "small-weights-vanish": "normal 0.01, tanh",
    "unit-weights-saturate": "normal 1, tanh",
    "xavier-shrinks-relu": "xavier fan-in, ReLU",
    "update-curves-coincide": "digits, 2 parts",
}


@pytest.mark.parametrize("name", claim_names())
def test_a_claim_names_its_text_and_what_would_refute_it(name):
    claim = load_claim(name)
    assert any(text in claim.source for text in TEXTS)
    assert claim.sentence.endswith(".") and claim.refuted_by and claim.figure and claim.conditions
    assert getdoc(import_module(f"descend.claims.gallery.{name.replace('-', '_')}")).endswith(".")
    assert claim.expected.low < claim.expected.high
    known = [condition.split(", ")[0] for condition in claim.conditions if condition.split(", ")[0] in TASKS]
    assert len(set(known)) != 1, "what depends on data is measured on at least two kinds"


@pytest.mark.parametrize(("name", "condition"), QUICK.items())
def test_a_quick_claim_holds_when_it_is_measured(name, condition):
    row = measure(name, condition)
    [found] = judge(name, {(name, condition): row}).estimates.values()
    assert found.answer == Answer.HOLDS
    assert row.key == row_key(name, condition)


@pytest.mark.slow
def test_a_pair_of_trainings_gives_a_figure_with_its_tuned_rates():
    claim = load_claim("mini-batches-are-ahead-early")
    settings = claim.experiment.prepare("table")
    costs = claim.experiment.measure("table", settings, 0)
    assert claim.experiment.scale == Scale.RATIO and all(math.isfinite(cost) and cost > 0 for cost in costs)
    assert all(one.low <= one.lr <= one.high for one in settings.values())


@pytest.mark.parametrize("name", PROBLEMS)
def test_momentum_of_less_than_one_settles(name):
    [share] = Settling(momentum=0.9).measure(name, {}, 0)
    assert share < 1e-9


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_solution_of_least_squares_has_no_gradient_and_the_lowest_loss(name):
    problem = least_squares(name, 0)
    solution = problem.solution
    assert problem.gradient(solution).abs().max() < 1e-9
    assert problem.excess(solution + 0.1) > problem.excess(solution) == 0


def test_the_key_depends_on_the_experiment_and_not_on_the_wording():
    assert row_key("momentum-helps", "digits") != row_key("momentum-helps", "text")
    assert row_key("momentum-helps", "digits") != row_key("momentum-never-hurts", "digits")
