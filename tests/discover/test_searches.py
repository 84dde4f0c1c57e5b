"""The three searches: seeded, resumable, and better than chance where there is something to find."""

import random
from math import inf, isfinite

import pytest

from descend.discover import archive as archives
from descend.discover.archive import Archive
from descend.discover.expression import LONGEST, SYMBOLS, read_prefix
from descend.discover.proxies import Score, score
from descend.discover.runs import SearchPlan, run, stored
from descend.discover.searches import SEARCHES, run_search
from descend.discover.values import fingerprint

SMALL = ("g", "m", "v", "sign", "sqrt", "/", "*")


@pytest.fixture
def quick_score(monkeypatch):
    """Score a rule by its distance from Adam's symbols, so that a search takes no time."""
    wanted = "/ m sqrt v".split()

    def score_by_symbols(expression, proxies):
        prefix = list(expression.prefix)
        same = sum(a == b for a, b in zip(prefix, wanted))
        return Score(abs(len(prefix) - len(wanted)) - same)

    monkeypatch.setattr(archives, "score", score_by_symbols)


def test_a_rule_whose_numbers_overflow_in_later_steps_trains_nothing():
    expression = read_prefix("* g exp exp / 1 d".split())
    assert fingerprint(expression) is not None
    assert score(expression, ("table",)).value == inf


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_is_repeated_by_its_seed(name, quick_score):
    first, again, other = (Archive(30) for _ in range(3))
    for archive, seed in ((first, 1), (again, 1), (other, 2)):
        run_search(name, archive, seed, list(SYMBOLS))
    assert list(first.entries) == list(again.entries) != list(other.entries)
    assert len(first.entries) == 30


@pytest.mark.slow
@pytest.mark.thorough
def test_evolution_finds_better_rules_than_random_draws():
    def best(search: str, seed: int) -> float:
        archive = Archive(60, ("table",))
        run_search(search, archive, seed, list(SYMBOLS))
        return archive.best[0].score.value

    assert sum(best("evolution", seed) for seed in range(3)) < sum(best("random", seed) for seed in range(3))


@pytest.mark.parametrize("name", SEARCHES)
def test_a_small_space_ends_the_search(name, quick_score):
    archive = Archive(20)
    run_search(name, archive, 0, ("g", "sign"))
    assert len(archive.entries) == 2


def test_equivalent_and_useless_expressions_cost_nothing(quick_score):
    archive = Archive(1)
    values = [archive.evaluate(read_prefix(text.split())) for text in ("+ g g", "* 2 g", "g", "neg g", "1", "- m m")]
    assert isfinite(values[0]) and values[:3] == [values[0]] * 3 and values[3:] == [inf] * 3
    assert [str(entry.expression) for entry in archive.entries.values()] == ["g"]
    assert (archive.proposed, archive.invalid) == (6, 3)


def test_an_interrupted_search_continues_with_the_same_rules(tmp_path, quick_score):
    plan = SearchPlan("evolution", 3, 50, tuple(SYMBOLS), ("digits", "table"))
    whole = run(plan, None)
    path = plan.path(tmp_path)
    part = run(SearchPlan("evolution", 3, 20, plan.symbols, plan.proxies), path)
    assert part.entries == whole.entries[:20]
    assert stored(plan, tmp_path).entries == part.entries
    assert run(plan, path).entries == whole.entries


@pytest.mark.parametrize("proxies", [("digits",), ("table",), ("digits", "table")])
def test_a_score_compares_with_tuned_sgd(proxies):
    assert score(read_prefix(["g"]), proxies).value == pytest.approx(0, abs=1e-6)
    assert score(read_prefix("+ g m".split()), proxies).value < 0
    assert score(read_prefix("* g square g".split()), proxies).value > 0


def test_the_score_does_not_depend_on_the_scale_of_the_steps():
    one, double = (score(read_prefix(text.split()), ("table",)) for text in ("m", "* 2 m"))
    assert one.value == pytest.approx(double.value, abs=1e-4)
    assert one.lr == pytest.approx(2 * double.lr, rel=1e-4)


def test_random_expressions_use_every_symbol_and_every_length():
    draws = random.Random(0)
    archive = Archive(1)
    proposed = []
    archive.evaluate = lambda expression: proposed.append(expression) or inf
    archive.most = 10**6
    with pytest.raises(StopIteration):
        SEARCHES["random"](_limited(archive, 5000, proposed), draws, list(SYMBOLS))
    assert {symbol for expression in proposed for symbol in expression.prefix} == set(SYMBOLS)
    assert {expression.size for expression in proposed} == set(range(1, LONGEST + 1))


def _limited(archive: Archive, most: int, proposed: list) -> Archive:
    """Let the archive raise `StopIteration` after so many proposals."""
    evaluate = archive.evaluate

    def evaluate_some(expression):
        if len(proposed) >= most:
            raise StopIteration
        return evaluate(expression)

    archive.evaluate = evaluate_some
    return archive
