"""Each property detects its violation in a case that is otherwise consistent."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cases import SOURCE, altered, inputs_not_normalised
from violations import PROPERTIES, violations

from descend.doctor.case import Case
from descend.doctor.record import Ending, Fact, Reading, facts
from descend.doctor.script.file_change import changes_of
from descend.doctor.script.script import Script

QUANTITY = "negative log-likelihood"
LABEL = "standardise inputs"


def consistent(root: Path) -> Case:
    """Return a case with a finding and three trials, one of them proved."""
    case = inputs_not_normalised(root)
    proved, helps, little, failed = (replace(trial, quantity=QUANTITY) for trial in case.trials)
    little = replace(little, patch=little.patch.replace("0.09", "0.9"), label="Adam", interval=(2.2, 2.3))
    finding = replace(case.findings[0], sentence="κ is 2,300 times that of the standardised inputs (bound 100)")
    instability = replace(case.findings[1], sentence="α·λmax = 5.1 exceeds the stability bound 2")
    trials = (proved, helps, little, failed)
    return altered(case, findings=(finding, instability), trials=trials, fix=proved)


def with_sentence(case: Case, sentence: str) -> Case:
    return replace(case, findings=(replace(case.findings[0], sentence=sentence), *case.findings[1:]))


def with_trial(case: Case, number: int, **changes) -> Case:
    trials = [replace(t, **changes) if i == number else t for i, t in enumerate(case.trials)]
    return altered(case, trials=tuple(trials), fix=trials[0] if case.fix else None)


def with_two_findings_of_one_edit(case: Case) -> Case:
    case = with_trial(case, 0, also_for=("dead_units",))
    case = with_trial(case, 1, verdict="no_effect", after=2.2, gain=(0.02, 0.05))
    other = replace(case.findings[1], id="dead_units", explains=frozenset())
    return replace(case, findings=(replace(case.findings[0], explains=frozenset()), other))


def with_excess(case: Case) -> Case:
    record = case.record
    record.add(Reading("metric", "negative_log_likelihood", 0, 2.3))
    record.add(Fact.of(facts.Targets("float32", 64, 0, 1, own_entropy=0.175), 0))
    return case


def with_a_batch_size(case: Case) -> Case:
    return with_trial(case, 1, label="batch size 1024 → 32")


def with_dead_settings(case: Case) -> Case:
    path = Path(case.record.root) / "train.py"
    path.write_text("STEPS = 1410\n" + SOURCE.replace("1410", "STEPS"))
    script = Script(path, path.parent)
    edited = script.edit(path, script.read(path).replace("range(STEPS)", "range(10)"))
    return replace(case, changes=changes_of(edited))


def unproved(case: Case) -> Case:
    """Return a case with the proved edit a second time, for another certain finding."""
    again = replace(case.trials[0], verdict="no_effect", symptom="dead_units", label="again")
    again = replace(again, after=2.2, gain=(0.02, 0.05))
    sure = replace(case.findings[1], id="dead_units", certain=True)
    return altered(case, trials=(*case.trials[:1], again), findings=(case.findings[0], sure))


BREAKS: dict[str, Callable[[Case], Case]] = {
    "printed_changes_have_two_numbers": lambda case: with_sentence(case, "the training loss falls (2.3 → 2.3)"),
    "verbs_agree_with_the_numbers": lambda case: with_sentence(case, "the training loss falls (2.1 → 2.3)"),
    "verdicts_agree_with_the_numbers": lambda case: with_trial(case, 2, after=1.2, gain=(0.45, 0.5)),
    "no_change_helps_is_true": lambda case: with_sentence(case, "no change of the training helps"),
    "a_finding_has_one_limit": lambda case: with_sentence(case, "κ is 2,300 (bound 100); so α·λmax = 5.1 > 2"),
    "each_verdict_has_its_metric": lambda case: with_trial(case, 1, quantity=""),
    "an_edit_has_one_trial": lambda case: with_trial(case, 1, patch=case.trials[0].patch),
    "a_problem_has_one_finding": with_two_findings_of_one_edit,
    "a_suspicion_is_no_fact": lambda case: replace(case, suspicions=(replace(case.findings[0], id="saddle_point"),)),
    "a_fix_holds_no_tuning": lambda case: with_trial(
        with_trial(case, 0, remedies=("standardise_inputs", "learning_rate")),
        1,
        remedies=("standardise_inputs",),
        verdict="proved",
    ),
    "an_excess_is_named": with_excess,
    "a_percentage_is_of_what_is_printed": lambda case: with_trial(case, 0, gain=(0.2, 0.25)),
    "suggestions_describe_the_script": with_a_batch_size,
    "an_interruption_is_reported": lambda case: altered(case, findings=(), trials=(), fix=None, interrupted=True),
    "a_patch_leaves_nothing_dead": with_dead_settings,
}


def test_a_consistent_case_has_no_violations(tmp_path):
    assert violations(consistent(tmp_path)) == []


@pytest.mark.parametrize("broken", BREAKS)
def test_a_violation_is_detected(tmp_path, broken, monkeypatch):
    if broken == "an_interruption_is_reported":
        monkeypatch.setattr("violations.verdict", lambda case: "all clear: nothing wrong was found in the 300 steps")
    case = BREAKS[broken](consistent(tmp_path))
    assert broken in {found.partition(":")[0] for found in violations(case)}


def test_every_property_is_violated_here_or_guaranteed_by_the_case():
    """The case itself guarantees that no unproved patch shares an edit with the proved one."""
    names = {check.__name__ for check in PROPERTIES}
    assert names - BREAKS.keys() == {"an_unproved_patch_shares_nothing_with_the_fix"} and not BREAKS.keys() - names


def test_an_edit_of_the_proved_patch_is_never_offered_as_unproved(tmp_path):
    case = unproved(consistent(tmp_path))
    assert case.unproved_trial is None and altered(case, fix=None).unproved_trial is not None
    assert [found for found in violations(case) if found.startswith("an_unproved")] == []


def test_an_interrupted_consultation_with_findings_says_so(tmp_path):
    case = altered(consistent(tmp_path), interrupted=True)
    assert violations(case) == []
    case.record.ending = Ending("interrupted", 130, 300)
    assert violations(altered(case, findings=(), trials=(), fix=None)) == []
