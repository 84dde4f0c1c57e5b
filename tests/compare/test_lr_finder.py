"""The learning rate range test as an edit of a script: its curve, its suggestion, and what it refuses."""

import pytest
from sampling import sampled
from training_scripts import ONE_CYCLE, OVERWRITTEN, PLAIN, TRAINER

from descend.core.range_test import RATES, SmoothedLosses, rate_at, suggested_rate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.compare.lr_finder import suggest_lr
from descend.doctor.record.store import open_store
from descend.doctor.script.plan import Plan
from descend.doctor.trials.external_files import ExternalFiles
from descend.doctor.trials.run_context import RunContext
from descend.doctor.trials.study import Study

LONG = "range(25)"  # epochs for 100 steps


@pytest.fixture
def suggest(observe, tmp_path, shared_fork_server):
    """Return a function that observes a script and returns the suggestion of a range test."""

    def run_test(text: str):
        p = observe(text)
        with open_store(tmp_path / "store") as store:
            context = RunContext(store, lambda record, messages: None, ExternalFiles(), shared_fork_server.get())
            return p, suggest_lr(p.script, p.record, Study(p.script, p.record, Plan(jobs=1), context))

    return run_test


SCRIPTS = {
    "plain": PLAIN.replace("range(3)", LONG),
    "one_cycle": ONE_CYCLE.replace("range(3)", LONG).replace("total_steps=12", "total_steps=100"),
    "overwritten": OVERWRITTEN.replace("range(3)", LONG),
    "trainer": TRAINER.replace("fit(3)", "fit(25)"),
}


@pytest.mark.parametrize("name", sampled(SCRIPTS, "plain", "one_cycle"))
def test_the_suggestion_is_between_too_slow_and_divergence(suggest, name: str) -> None:
    p, found = suggest(SCRIPTS[name])
    assert found.rates[0] == RATES[0] and len(found.rates) == len(found.losses) == len(found.smoothed) <= 100
    assert all(one < two for one, two in zip(found.rates, found.rates[1:]))
    low, high = (1e-5, 0.5) if name == "trainer" else (1e-4, 1.0)
    assert low < found.lr < high
    assert f"first {len(found.rates)} steps" in found.warning
    assert found.choice.dimensions == () and found.choice.starts == ({},) and found.choice.fixed["lr"] == found.lr
    run = p.rerun(found.choice.edit(p.script, {}))
    assert run.series("learning_rate", "0").max == pytest.approx(found.lr, rel=0.02)


def test_a_larger_scale_of_the_loss_needs_a_smaller_rate(suggest) -> None:
    steep = SCRIPTS["plain"].replace("loss = nn", "loss = 100 * nn")
    assert suggest(steep)[1].lr < suggest(SCRIPTS["plain"])[1].lr / 10


def test_a_run_with_few_steps_is_refused(suggest) -> None:
    with pytest.raises(NotApplicable, match="a range test needs at least 10 steps, and the run has 4"):
        suggest(PLAIN.replace("range(3)", "range(1)"))


def test_a_loss_that_never_falls_gives_no_suggestion(suggest) -> None:
    constant = SCRIPTS["plain"].replace("(model(xb), yb)", "(0 * model(xb), 0 * yb)")
    with pytest.raises(NotApplicable, match="the loss falls at no learning rate"):
        suggest(constant)


def test_the_rates_grow_by_a_constant_factor() -> None:
    rates = [rate_at(step, 8) for step in range(8)]
    assert rates[0] == RATES[0] and rates[-1] == pytest.approx(RATES[1])
    assert all(two / one == pytest.approx(10) for one, two in zip(rates, rates[1:]))


def test_the_test_ends_where_the_loss_diverges() -> None:
    smoothed = SmoothedLosses()
    goes_on = [smoothed.add(loss) for loss in (4.0, 2.0, 1.0, 1.0, 300.0, 1.0)]
    assert goes_on[:4] == [True] * 4 and not goes_on[4]
    assert smoothed.values[0] == 4.0  # The moving average is corrected for its start at 0.
    assert suggested_rate((1.0, 2.0, 3.0, 4.0, 5.0, 6.0), smoothed.values) == pytest.approx(0.4)


def test_a_loss_that_is_not_a_number_ends_the_test() -> None:
    smoothed = SmoothedLosses()
    assert smoothed.add(1.0) and not smoothed.add(float("nan"))
