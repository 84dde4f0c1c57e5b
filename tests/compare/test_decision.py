"""The verdict on all pairs of scripts: keep, tune, switch or more seeds, and which scripts need further runs."""

from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descend.doctor.compare.all_pairs import AllPairs, compare_all_pairs
from descend.doctor.compare.decision import SMALL_GAIN, OwnTuning, decide, undecided_scripts
from descend.doctor.compare.result import CompareVerdict

NOISE = [0.03, -0.05, 0.01, 0.04, -0.02, 0.05, -0.04, 0.02, -0.01, -0.03]


def pairs_of(*costs: float, scale: float = 0.2, seeds: int = 5) -> AllPairs:
    """Return the comparison of scripts with these mean costs, of which each has other noise of about 1 %."""
    noise = [[NOISE[(seed * (1 + 2 * script) + script) % 10] for seed in range(seeds)] for script in range(len(costs))]
    rows = [{seed: cost * exp(scale * each[seed]) for seed in range(seeds)} for cost, each in zip(costs, noise)]
    return compare_all_pairs(rows, [range(seeds)])


def test_equivalent_scripts_keep_the_current_setting():
    decision = decide(pairs_of(1.0, 0.99, 1.02), [1], OwnTuning.TUNED)
    assert (decision.verdict, decision.script) == (CompareVerdict.KEEP, 0)


def test_a_current_setting_that_is_clearly_the_best_is_kept():
    assert decide(pairs_of(1.0, 2.0, 3.0), [1], OwnTuning.TUNED).verdict == CompareVerdict.KEEP


def test_noisy_scripts_need_more_seeds():
    pairs = pairs_of(1.0, 0.95, 0.97, scale=8)
    decision = decide(pairs, [1], OwnTuning.TUNED)
    assert decision.verdict == CompareVerdict.UNDECIDED
    assert decision.more_seeds == max(pairs.judgement(0, script).more_seeds for script in (1, 2)) > 0
    assert undecided_scripts(pairs, [1], OwnTuning.TUNED) == (1, 2)


def test_a_noisy_script_that_may_be_much_better_than_the_leader_is_not_ruled_out():
    # The current setting has the lowest mean, but the interval of the other one includes large gains.
    pairs = pairs_of(1.0, 1.01, scale=8)
    assert pairs.best[0] == 0
    assert decide(pairs, [1], OwnTuning.TUNED).verdict == CompareVerdict.UNDECIDED
    assert undecided_scripts(pairs, [1], OwnTuning.TUNED) == (1,)


def test_the_tuned_optimizer_is_preferred_to_an_equivalent_other_one():
    decision = decide(pairs_of(1.0, 0.5, 0.49), [1], OwnTuning.TUNED)
    assert (decision.verdict, decision.script) == (CompareVerdict.TUNE, 1)


def test_another_optimizer_that_is_better_than_the_tuned_one_is_the_winner():
    decision = decide(pairs_of(1.0, 0.5, 0.3), [1], OwnTuning.TUNED)
    assert (decision.verdict, decision.script) == (CompareVerdict.SWITCH, 2)


def test_a_clear_gain_over_the_current_setting_is_not_hidden_by_a_noisy_leader():
    # Script 1 is clearly better than the current setting. Script 2 has a lower mean, but diverges on one seed.
    rows = [{seed: 1 + NOISE[seed] / 5 for seed in range(5)}, {seed: 0.7 + NOISE[seed + 1] / 5 for seed in range(5)}]
    rows.append({seed: 0.1 if seed else 50.0 for seed in range(5)})
    pairs = compare_all_pairs(rows, [range(5)])
    assert pairs.best[0] == 2 and not pairs.is_better(2, 0) and pairs.is_better(1, 0)
    assert decide(pairs, [1], OwnTuning.TUNED).verdict == CompareVerdict.TUNE


def test_a_tuned_optimizer_that_diverges_on_one_seed_is_not_recommended():
    # Script 2 is clearly better than the current setting, but not than script 1, which may be worse than both.
    rows = [{seed: 1 + NOISE[seed] / 5 for seed in range(5)}, {seed: 0.1 if seed else 50.0 for seed in range(5)}]
    rows.append({seed: 0.7 + NOISE[seed + 1] / 5 for seed in range(5)})
    pairs = compare_all_pairs(rows, [range(5)])
    assert 0 not in pairs.best and not pairs.is_better(1, 0)
    assert decide(pairs, [1], OwnTuning.TUNED).verdict == CompareVerdict.UNDECIDED
    assert undecided_scripts(pairs, [1], OwnTuning.TUNED) == (1, 2)


def test_the_seeds_are_unknown_if_no_number_of_them_would_probably_decide():
    # Two seeds with opposite differences have a mean of 0 and a large spread. A script without runs is unknown, too.
    for other in ({0: 1e-3, 1: 1e3}, {}):
        pairs = compare_all_pairs([{0: 1.0, 1: 1.0}, {0: 0.9, 1: 1.0}, other], [range(2)])
        decision = decide(pairs, [], OwnTuning.TUNED)
        assert (decision.verdict, decision.more_seeds) == (CompareVerdict.UNDECIDED, None)


@pytest.mark.parametrize(
    ("costs", "own", "tuning", "verdict"),
    [
        ((1.0, 0.3), [], OwnTuning.NOT_TUNED, CompareVerdict.UNDECIDED),
        ((1.0, 0.7), [], OwnTuning.NOT_TUNED, CompareVerdict.SWITCH),
        # The best values of the current optimizer are the current ones.
        ((1.0, 0.3), [], OwnTuning.TUNED, CompareVerdict.SWITCH),
        ((1.0, 0.8, 0.3), [1], OwnTuning.TUNED, CompareVerdict.SWITCH),
    ],
)
def test_a_large_gain_is_a_reason_to_switch_only_if_the_current_optimizer_was_tuned(costs, own, tuning, verdict):
    assert decide(pairs_of(*costs), own, tuning).verdict == verdict


@pytest.mark.parametrize("costs", [(1.0, 0.8, 0.3), (1.0, 2.0, 0.7), (1.0, 0.8, 0.6)])
def test_no_choice_is_preferred_to_a_current_optimizer_that_was_tuned_badly(costs):
    pairs = pairs_of(*costs)
    assert decide(pairs, [1], OwnTuning.TUNED).verdict == CompareVerdict.SWITCH
    assert decide(pairs, [1], OwnTuning.TOO_FEW_RUNS).verdict == CompareVerdict.UNDECIDED
    assert undecided_scripts(pairs, [1], OwnTuning.TOO_FEW_RUNS) == ()


def test_a_badly_tuned_optimizer_may_be_kept_with_better_values():
    decision = decide(pairs_of(1.0, 0.5, 0.8), [1], OwnTuning.TOO_FEW_RUNS)
    assert (decision.verdict, decision.script) == (CompareVerdict.TUNE, 1)


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=4), st.floats(0.01, 5), st.booleans())
def test_no_large_gain_is_attributed_to_another_optimizer_alone(costs, scale, has_own):
    pairs = pairs_of(1.0, *costs, scale=scale)
    own = [1] if has_own else []
    decision = decide(pairs, own, OwnTuning.TUNED if has_own else OwnTuning.NOT_TUNED)
    if decision.verdict == CompareVerdict.SWITCH:
        is_clearly_best = has_own and 1 not in pairs.best
        assert is_clearly_best or -pairs.log_ratios[decision.script] <= log(SMALL_GAIN) + 1e-12
    assert not decision.script or pairs.is_better(decision.script, 0)
    assert (decision.script in own) == (decision.verdict == CompareVerdict.TUNE)


def test_only_scripts_that_could_still_be_the_best_are_run_again():
    pairs = pairs_of(1.0, 0.6, 0.58, 5.0, scale=3)
    assert pairs.best == (2, 1)
    assert undecided_scripts(pairs, [1], OwnTuning.TUNED) == (1, 2)


@pytest.mark.parametrize("costs", [(1.0, 0.99, 1.01), (1.0, 0.5, 0.505), (1.0, 0.5, 0.3)])
def test_nothing_is_run_again_if_all_is_decided(costs):
    assert undecided_scripts(pairs_of(*costs), [1], OwnTuning.TUNED) == ()


def test_further_seeds_do_not_help_to_attribute_a_gain():
    assert undecided_scripts(pairs_of(1.0, 0.3), [], OwnTuning.NOT_TUNED) == ()
