"""A proved patch under plain python: it must reproduce the weights and must not fail after the training."""

import pytest
from tables import SCRIPT, Table, prescription, record_of, tried, with_baseline

from descend.doctor.record import Ending, Fact, facts
from descend.doctor.trials.reproduce import check_reproduction
from descend.doctor.trials.study import TO_THE_END


class FailingLate(Table):
    """Scripts that fail after their training if their text says so."""

    def answer(self, job):
        record = super().answer(job)
        if job.role == "bare" and job.steps == TO_THE_END and "crash" in job.script.edits[SCRIPT.path]:
            record.ending = Ending("failed", 1, 100, error="Traceback\nRuntimeError: numpy() on a tensor with a graph")
        return record


@pytest.mark.parametrize("reason", ["finished", "window"])
@pytest.mark.parametrize("text", ["crash", "fine"])
def test_a_patch_that_fails_after_the_training_is_taken_back(reason, text):
    table = FailingLate({"pass": 1.0, text: 0.1})
    proof, _ = tried({}, [prescription(text, remedy="zero_grad")], table=table)
    proof = check_reproduction(with_baseline(table, record_of(1.0, reason=reason)), proof)
    assert (proof.fix is not None) == (text == "fine")
    assert ("after its training" in proof.trials[0].reason) == (text == "crash")


def test_a_changed_number_needs_no_run_to_the_end():
    table = FailingLate({"pass": 1.0, "crash": 0.1})
    proof, _ = tried({}, [prescription("crash", remedy="dropout_rate")], table=table)
    proof = check_reproduction(with_baseline(table, record_of(1.0, reason="finished")), proof)
    assert proof.fix is not None and not any(job.steps == TO_THE_END for job in table.jobs)


class ByHand(Table):
    """A script that updates its parameters without a torch optimizer."""

    ends = "finished"

    def answer(self, job):
        record = super().answer(job)
        record.add(Fact.of(facts.Optimizer("SGD", groups=1, parameters=1000, lr=0.1, by_hand=True), 0, "0"))
        if job.steps == TO_THE_END:
            record.ending = Ending(self.ends, 0, 100, weights="w")
        return record


@pytest.mark.parametrize(
    ("ends", "says", "reproduced"), [("finished", "bit for bit", True), ("window", "could not be stopped", None)]
)
def test_a_script_without_an_optimizer_is_run_to_its_own_end(ends, says, reproduced):
    table = ByHand({"pass": 1.0, "rate": 0.1})
    table.ends = ends
    proof, _ = tried({}, [prescription("rate", remedy="optimizer_argument")], table=table)
    proof = check_reproduction(with_baseline(table, record_of(1.0, reason="finished")), proof)
    assert says in proof.verified and proof.reproduced is reproduced
