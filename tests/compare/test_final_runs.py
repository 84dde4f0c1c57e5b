"""The runs on fresh seeds: two rounds, what is run again, interruptions, and runs of an earlier command."""

from dataclasses import replace

import pytest

from descend.doctor.compare.final_runs import begin_final_runs, run_final_rounds
from descend.doctor.compare.result import CompareVerdict
from descend.doctor.compare.verdict_rule import rank
from descend.doctor.prove.judgement import MARGIN, ChangeVerdict
from descend.doctor.prove.paired_runs import PairedRuns
from descend.doctor.trials.run_times import OutOfTime

from .simulated_runs import METRIC, SCRIPT, SimulatedStudy, noisy, tuned_choice

REPETITION = ("current", 0)
ADAM, SGD = tuned_choice("adam"), tuned_choice("sgd", own=True)


def final_runs(study: SimulatedStudy, tuned, **options):
    """Return the runs of a study that have not been made yet."""
    return begin_final_runs(PairedRuns(study, METRIC, [], MARGIN), tuned, **options)


def study_with(**costs) -> SimulatedStudy:
    return SimulatedStudy({"current": noisy(1.0), **costs})


def seeds_of(study: SimulatedStudy, text: str) -> list[int]:
    return [seed for name, seed in study.ran if name == text]


def test_all_scripts_run_once_with_each_fresh_seed_and_none_with_that_of_the_search():
    study = study_with(adam=noisy(0.3, 3), sgd=noisy(0.6, 5))
    announced = []
    run_final_rounds(final_runs(study, [ADAM, SGD]), [ADAM, SGD], lambda *each: announced.append(each))
    assert seeds_of(study, "adam") == seeds_of(study, "sgd") == [1, 2, 3, 4, 5]
    assert [run for run in study.ran if run[0] == "current" and run != REPETITION] == [
        ("current", s) for s in range(1, 6)
    ]
    assert study.baseline.seed not in seeds_of(study, "adam") and study.ran.count(REPETITION) == 1
    assert announced == [(1.0, 15, 0)]


def test_the_second_round_leaves_out_what_the_first_one_has_decided():
    study = study_with(adam=noisy(0.55, 3, scale=6), sgd=noisy(0.6, 5, scale=6), worse=noisy(5.0, 7))
    tuned = [ADAM, SGD, tuned_choice("worse")]
    announced = []
    run_final_rounds(final_runs(study, tuned), tuned, lambda *each: announced.append(each[1]))
    assert seeds_of(study, "adam") == seeds_of(study, "sgd") == list(range(1, 11))
    assert seeds_of(study, "worse") == list(range(1, 6))
    assert seeds_of(study, "current") == [1, 0, *range(2, 11)]
    assert announced == [20, 15]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OutOfTime])
@pytest.mark.parametrize("most_runs", [2, 6, 14])
def test_complete_runs_are_kept_and_a_further_command_makes_the_others(error, most_runs):
    costs = {"current": noisy(1.0), "adam": noisy(0.3, 3), "sgd": noisy(0.6, 5)}
    whole = SimulatedStudy(costs)
    expected = final_runs(whole, [ADAM, SGD])
    run_final_rounds(expected, [ADAM, SGD])
    interrupted, stored = SimulatedStudy(costs, most_runs=most_runs, error=error), {}
    first = final_runs(interrupted, [ADAM, SGD], note_run=stored.__setitem__)
    with pytest.raises(error):
        run_final_rounds(first, [ADAM, SGD])
    assert len(stored) == most_runs == len(first.made)
    rank(first, [ADAM, SGD])  # The complete runs can be judged.
    resumed = SimulatedStudy(costs)
    runs = final_runs(resumed, [ADAM, SGD])
    for key, record in stored.items():
        runs.add_run(key, record)
    run_final_rounds(runs, [ADAM, SGD])
    assert sorted(interrupted.ran + resumed.ran) == sorted(whole.ran)
    # As texts, because NaN in a field is not equal to itself.
    assert repr(rank(runs, [ADAM, SGD])) == repr(rank(expected, [ADAM, SGD]))


def test_an_interruption_in_the_second_round_does_not_change_what_this_round_runs():
    # The first seven seeds show that adam is better than sgd. The first five do not, so both get all ten.
    costs = {"current": noisy(1.0), "adam": noisy(0.5, 3, scale=6), "sgd": noisy(0.7, 5, scale=6)}
    whole, stored = SimulatedStudy(costs), {}
    expected = final_runs(whole, [ADAM, SGD], note_run=stored.__setitem__)
    run_final_rounds(expected, [ADAM, SGD])
    assert len(seeds_of(whole, "sgd")) == 10
    resumed = SimulatedStudy(costs)
    runs = final_runs(resumed, [ADAM, SGD])
    for key, record in reversed(list(stored.items())[:22]):
        runs.add_run(key, record)
    run_final_rounds(runs, [ADAM, SGD])
    assert sorted(resumed.ran) == sorted(whole.ran[22:])
    assert runs.result(0).seeds == tuple(range(1, 11))


def test_a_choice_whose_best_script_is_the_current_one_does_not_run():
    study = study_with(adam=noisy(0.3, 3))
    unchanged = replace(SGD, script=SCRIPT)
    run_final_rounds(runs := final_runs(study, [unchanged, ADAM]), [unchanged, ADAM])
    assert {text for text, _ in study.ran} == {"current", "adam"}
    ranked, verdict, winner, _ = rank(runs, [unchanged, ADAM])
    assert verdict == CompareVerdict.SWITCH and winner is ranked[0] and winner.label == "adam"
    assert ranked[1].result.verdict == ChangeVerdict.NO_EFFECT and "current setting" in ranked[1].result.reason


def test_without_a_choice_to_run_nothing_runs():
    own, failed = replace(SGD, script=SCRIPT), tuned_choice("lion", reason="the script cannot be edited")
    for tuned, expected in (([own], CompareVerdict.KEEP), ([own, failed], CompareVerdict.NOT_COMPARED)):
        study = study_with()
        run_final_rounds(runs := final_runs(study, tuned), tuned)
        ranked, verdict, winner, _ = rank(runs, tuned)
        assert study.ran == [] and (verdict, winner) == (expected, None)
    assert [row.label for row in ranked] == ["sgd", "lion"] and ranked[1].result is None
