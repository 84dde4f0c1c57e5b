"""One change to a training script a file: each takes a script and gives it back, edited, in a function of its name."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules

from descend.doctor.course.yardstick import JudgedOn
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.quantities import QUANTITIES, Quantity
from descend.doctor.remedies.remedy import SETS_LEARNING_RATE, Change, Key, Prescription, Remedy
from descend.doctor.source.not_applicable import NotApplicable

_NAMES = tuple(sorted({module.name for module in iter_modules(__path__)} - {"quantities", "remedy"}))


class _Remedies(Mapping[str, Remedy]):
    """The remedies by name; a file is imported when its own is asked for."""

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
    """Return what a remedy makes otherwise by design: what its file declares as `REMAKES`, or nothing."""
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
    "remade_by",
]
