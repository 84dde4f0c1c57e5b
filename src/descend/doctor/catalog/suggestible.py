"""The problems whose remedies may improve a run without any problem, for `--suggest`."""

from math import nan

from descend.doctor.assess.symptom import Symptom
from descend.doctor.catalog import CATALOG

NAMES = ("optimisation", "inputs_not_normalised", "batch_size", "fluctuations", "overfitting", "stopped_too_early")


def suggestible_problems() -> list[Symptom]:
    """Return a symptom for each problem in `NAMES`, as if a run had it, so that the remedies for it are tried."""
    return [Symptom(False, "", "", nan, nan, "", id=name, kind=CATALOG[name].kind) for name in NAMES]
