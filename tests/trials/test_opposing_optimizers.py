"""A loss that an opposing optimizer changes proves no edit, unless the edit prevents an exploding loss."""

import pytest
from tables import Table, prescription, record_of, tried, verdicts

from descend.doctor.assess.opponents import EXPLODED
from descend.doctor.record import Fact, Reading, Record, facts
from descend.doctor.trials.candidate import OPPOSING_OPTIMIZER


def opposed(record: Record, peak: float) -> Record:
    """Return the record as that of a GAN whose critic's loss begins at 1 and rises to a peak."""
    record.add(Fact.of(facts.Opponents("1"), 2, "0"))
    for step, value in enumerate([1.0, peak, 1.5]):
        record.add(Reading("loss", "1", step, value))
    return record


class Gan(Table):
    """Trial runs of a GAN, with the peak that the table holds for each script's text."""

    def __init__(self, peaks: dict[str, float], seeds_that_stand: int = 0) -> None:
        super().__init__(dict.fromkeys(peaks, 1.0) | {"better": 0.1})
        self.peaks, self.standing = peaks, seeds_that_stand

    def answer(self, job) -> Record:
        text = next(iter(job.script.edits.values())).strip()
        stands = text == "pass" and 0 < job.seed <= self.standing
        return opposed(super().answer(job), 1.0 if stands else self.peaks[text])


def test_remedies_of_one_of_two_opposing_networks_are_not_run():
    table = Gan({"pass": 2.0, "better": 1.0})
    proof, _ = tried({}, [prescription("better")], opposed(record_of(1.0), 2.0), table)
    assert proof.fix is None and proof.trials[0].reason == OPPOSING_OPTIMIZER and not table.jobs


def test_an_edit_that_prevents_an_exploding_loss_is_proved():
    table = Gan({"pass": 2 * EXPLODED, "better": 1.0, "worse": 3 * EXPLODED})
    baseline = opposed(record_of(1.0), 2 * EXPLODED)
    proof, _ = tried({}, [prescription("better"), prescription("worse")], baseline, table)
    assert verdicts(proof) == {"better": "proved", "worse": "worse"}
    assert proof.fix.before == float("inf") and "first" in proof.fix.metric


@pytest.mark.parametrize("standing", [1, 3])
def test_a_script_that_is_stable_on_a_fresh_seed_proves_nothing(standing):
    table = Gan({"pass": 2 * EXPLODED, "better": 1.0}, standing)
    proof, _ = tried({}, [prescription("better")], opposed(record_of(1.0), 2 * EXPLODED), table)
    assert proof.fix is None and proof.trials[0].reason == OPPOSING_OPTIMIZER
