"""Arguments of remedies for copies of the trained network: averages, evaluated copies, loaded weights."""

from descend.core.bound import Bound
from descend.doctor.assess.copies import find_own_weights, find_stale_copy
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.rounding import round_to_one_digit
from descend.doctor.remedy_arguments.values import Values

HORIZON = Bound(
    0.1,
    "horizon of an average of the weights, 1 / (1 − decay), as a share of the steps",
    "Karras et al. 2024, sect. 3: averages over about a tenth of the training give the best results",
)


def decay_for_run(record: Record, symptom: Symptom) -> Values | None:
    """Return the decay with which the average of the weights covers a tenth of the steps; None if it is unknown."""
    now = record.fact(facts.AverageDecay, "0")
    decay = 1 - round_to_one_digit(1 / (HORIZON * record.steps)) if record.steps else 0.0
    return {"decay": decay, "old": now.decay} if now is not None and 0.5 < decay < now.decay else None


def update_of_average(record: Record, symptom: Symptom) -> Values | None:
    """Return no values if the script averages the weights of the wrong network; otherwise None."""
    return None if record.site(SiteKind.AVERAGE_UPDATE, "0") is None else {}


def calls_of_copy(record: Record, symptom: Symptom) -> Values | None:
    """Return the recorded calls of the copy that does not follow its network; None without one."""
    found = find_stale_copy(record)
    return None if found is None else {"places": found[0], "name": found[1].network or "the network"}


def own_weights_load(record: Record, symptom: Symptom) -> Values | None:
    """Return the recorded call by which a module loads its own weights; None without one."""
    place = find_own_weights(record)
    return {"place": place} if place else None
