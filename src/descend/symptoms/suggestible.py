"""What may be better where nothing is wrong: the names under which the table keeps changes that are worth a trial."""

from math import nan

from descend.symptoms.symptom import Symptom

NAMES = ("optimisation", "inputs_not_normalised", "batch_size", "fluctuations", "overfitting", "stopped_too_early")


def suggestible() -> list[Symptom]:
    """Return each of them as it would be prescribed for, with nothing measured."""
    return [Symptom(name, "dynamics", False, "", "", nan, nan, "", optimizer="0") for name in NAMES]
