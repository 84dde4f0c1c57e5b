"""Remedies: each module edits a training script in one way, in a function of the module's name."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules

from descend.doctor.assess.evaluation_metric import JudgedOn
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.arguments import Remedy, apply_remedy
from descend.doctor.remedies.quantities import QUANTITIES, Quantity
from descend.doctor.remedies.remedy import SETS_LEARNING_RATE, Change, Key, Prescription

_NAMES = tuple(
    sorted({module.name for module in iter_modules(__path__)} - {"arguments", "quantities", "remedy", "traits"})
)


class _Remedies(Mapping[str, Remedy]):
    """A read-only mapping from the id of a remedy to its function, whose module is imported on first access."""

    def __getitem__(self, name: str) -> Remedy:
        if name not in _NAMES:
            raise KeyError(name)
        remedy: Remedy = getattr(import_module(f"{__name__}.{name}"), name)
        return remedy

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


def remade_by(remedy: str) -> frozenset[Remade]:
    """Return the parts of the task, such as "inputs", that a remedy changes on purpose. `remedy` is the remedy's id."""
    remakes: frozenset[Remade] = getattr(import_module(f"{__name__}.{remedy}"), "REMAKES", frozenset())
    return remakes


REMEDIES: Mapping[str, Remedy] = _Remedies()

__all__ = [
    "QUANTITIES",
    "REMEDIES",
    "SETS_LEARNING_RATE",
    "Change",
    "JudgedOn",
    "Key",
    "NotApplicable",
    "Prescription",
    "Quantity",
    "Remedy",
    "apply_remedy",
    "if_applicable",
    "remade_by",
]
