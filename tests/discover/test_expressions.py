"""Expressions of update rules: their forms, their values, and which of them are equivalent."""

import random
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from descend.discover import values
from descend.discover.canonical import canonical
from descend.discover.expression import (
    LONGEST,
    SYMBOLS,
    Expression,
    argument_count,
    crossed,
    mutated,
    random_expression,
    read_prefix,
)
from descend.discover.known import FORMS, known_fingerprints
from descend.discover.values import fingerprint, gradients, steps_on

expressions = st.integers(0, 10**9).map(lambda seed: random_expression(random.Random(seed), list(SYMBOLS)))


def of(text: str) -> Expression:
    return read_prefix(text.split())


@given(expressions)
def test_an_expression_is_read_back_from_its_prefix(expression):
    assert read_prefix(expression.prefix) == expression
    assert 1 <= expression.size == len(expression.prefix) <= LONGEST


@pytest.fixture
def tiny_eps(monkeypatch):
    """Divide by b + eps with an eps that changes no b: a / (−b + eps) equals −(a / (b + eps)) only then."""
    monkeypatch.setattr(values, "EPS", 1e-300)
    values.compiled.cache_clear()
    yield
    values.compiled.cache_clear()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(random_expression(random.Random(905), list(SYMBOLS)))
@given(expressions)
def test_the_canonical_form_is_no_longer_and_has_the_same_values(tiny_eps, expression):
    form = canonical(expression)
    series = gradients(0.1, 5)
    # The sign of an exponential is 1, but it is 0 if the exponential is rounded to 0.
    if form is None or "sign(" in expression.formula and "e **" in expression.formula:
        return
    try:
        before, after = steps_on(expression, series), steps_on(form, series)
    except OverflowError:  # of constants, such as e^(e^(e²)): such a rule is not searched further
        return
    assert form.size <= expression.size and canonical(form) == form
    finite = before.isfinite() & after.isfinite() & (before.abs() < 1e12)
    torch.testing.assert_close(after[finite], before[finite], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+ g m", "+ m g"),
        ("- g neg m", "+ m g"),
        ("* sign g abs g", "g"),
        ("* g g", "square g"),
        ("neg neg m", "m"),
        ("+ g sign exp m", "+ g 1"),
        ("neg - g m", "- m g"),
        ("sqrt square neg g", "abs g"),
        ("* 1 / m 1", "m"),
        ("+ g g", "* g 2"),
        ("sign sign neg g", "neg sign g"),
    ],
)
def test_equal_expressions_have_one_form(one, other):
    assert canonical(of(one)) == canonical(of(other)) is not None


@pytest.mark.parametrize("zero", ["- g g", "+ m neg m", "* g - v v", "/ g - m m"])
def test_an_expression_that_is_always_0_or_divides_by_0_has_no_form(zero):
    assert canonical(of(zero)) is None


@pytest.mark.parametrize(
    ("one", "other"), [("g", "* 2 g"), ("/ m sqrt v", "/ * 2 m sqrt v"), ("* g exp 1", "g"), ("sign m", "/ m abs m")]
)
def test_rules_with_proportional_steps_have_one_fingerprint(one, other):
    assert fingerprint(of(one)) == fingerprint(of(other)) is not None


def test_published_rules_have_different_fingerprints():
    assert len(known_fingerprints()) == sum(map(len, FORMS.values()))


@pytest.mark.parametrize("useless", ["1", "d", "neg g", "v", "abs g", "exp exp exp square g", "neg sign m", "- v 1"])
def test_a_rule_that_cannot_train_anything_has_no_fingerprint(useless):
    assert fingerprint(of(useless)) is None


@given(expressions, expressions, st.integers(0, 10**9))
def test_changed_expressions_are_no_longer_than_allowed(parent, other, seed):
    draws = random.Random(seed)
    for child in (mutated(parent, draws, list(SYMBOLS)), crossed(parent, other, draws)):
        assert child.size <= LONGEST
        assert read_prefix(child.prefix) == child


def test_the_page_says_how_many_expressions_there_are():
    kinds = [sum(argument_count(symbol) == count for symbol in SYMBOLS) for count in range(3)]
    numbers = [0, kinds[0]]  # of expressions, by their size
    for size in range(2, LONGEST + 1):
        pairs = sum(numbers[left] * numbers[size - 1 - left] for left in range(1, size - 1))
        numbers.append(kinds[1] * numbers[size - 1] + kinds[2] * pairs)
    page = Path(__file__).parents[2] / "docs" / "discover.md"
    assert f"{sum(numbers) / 1e9:.0f} billion" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("wrong", ["", "+ g", "g m", "+ g x"])
def test_symbols_that_are_no_expression_are_refused(wrong):
    with pytest.raises(ValueError):
        read_prefix(wrong.split())
