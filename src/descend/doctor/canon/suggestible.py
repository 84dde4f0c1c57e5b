"""What may be better where nothing is wrong: the entries of the list that keep changes which are worth a trial."""

from math import nan

from descend.doctor.canon import CANON
from descend.doctor.symptoms import Symptom

NAMES = ("optimisation", "inputs_not_normalised", "batch_size", "fluctuations", "overfitting", "stopped_too_early")


def suggestible() -> list[Symptom]:
    """Return each of them as it would be prescribed for, with nothing measured."""
    return [Symptom(False, "", "", nan, nan, "", id=name, kind=CANON[name].kind) for name in NAMES]
