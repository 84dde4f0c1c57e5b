"""Which problems a run was checked for, and which checks lack a measurement."""

from collections.abc import Collection

from records import MONITOR, forget, healthy, observe, second_optimizer

from descend.doctor.catalog import CATALOG
from descend.doctor.catalog.checks import Check, list_checks
from descend.doctor.catalog.diagnosis import diagnose, general_symptoms
from descend.doctor.record import Note, Reading, Record


def replayed() -> Record:
    """Return a healthy run that evaluates a held-out loss and in which a step could be replayed."""
    record = healthy()
    observe(record, MONITOR)
    for step in range(0, 200, 50):
        record.add(Reading("evaluation_loss", "0", step, 2.3 / (1 + step)))
    return record


def not_made(record: Record, left_out: Collection[str] = ()) -> dict[str, Check]:
    return {check.symptom: check for check in list_checks(record, left_out) if check.outcome == "not_checked"}


def test_each_problem_has_one_check_in_the_order_of_the_list():
    assert [check.symptom for check in list_checks(replayed())] == list(CATALOG)


def test_a_problem_that_was_not_requested_was_not_checked():
    outcomes = {check.symptom: check.outcome for check in list_checks(replayed(), {"dead_units", "overfitting"})}
    assert {name for name, outcome in outcomes.items() if outcome == "not_requested"} == {"dead_units", "overfitting"}


def test_without_a_held_out_loss_overfitting_could_not_be_checked():
    record = replayed()
    assert "overfitting" not in not_made(record)
    forget(record, "evaluation_loss")
    check = not_made(record)["overfitting"]
    assert (check.missing, check.reason) == ("evaluation_loss", "the script computes no loss on held-out data")


def test_a_check_without_its_measurement_names_the_reason():
    record = replayed()
    assert "examples_mixed" not in not_made(record)  # The measurement was made, and there was nothing to report.
    record.add(Note("mixing", "the examples are all alike"))
    assert not_made(record)["examples_mixed"] == Check(
        "examples_mixed", "not_checked", "mixing", "the examples are all alike"
    )


def test_a_measurement_that_failed_once_and_succeeded_later_is_not_missing():
    record = replayed()
    record.add(Note("curvature", "a Hessian-vector product is not finite"))
    assert not any(check.missing == "curvature" for check in list_checks(record))
    forget(record, "curvature")
    assert "ill_conditioned_curvature" in not_made(record)


def test_without_a_replay_its_measurements_are_missing():
    record = healthy()
    record.add(Note("tape", "the loss was not computed during the step"))
    missing = not_made(record)
    assert (
        missing["examples_mixed"].reason == missing["target_leak"].reason == "the loss was not computed during the step"
    )
    # These problems are detected without a replay.
    assert not {"no_zero_grad", "no_step", "instability"} & missing.keys()


def test_detected_problems_were_checked():
    record = healthy()
    second_optimizer(record, [1.0] * 50)
    found = {symptom.id for symptom in (*diagnose(record), *general_symptoms(record))}
    assert not found & not_made(record).keys()
