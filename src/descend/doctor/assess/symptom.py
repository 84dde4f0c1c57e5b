"""Symptoms: problems as detected in one run, with their evidence."""

from dataclasses import dataclass, field
from typing import Literal

from descend.core.bound import Bound, Count
from descend.doctor.record import Record, Site, SiteKind

EARLY = Count(
    3, "steps or observations", "chosen: a mistake in the training loop appears in each of the first few steps"
)
FRESH = Bound(
    0.5,
    "share of the weight matrices that are neither trained nor loaded from a file",
    "chosen: in a pretrained network, most weight matrices were loaded or are trained",
)


ProblemKind = Literal[
    "wiring",  # the training loop is wrong
    "statics",  # the data or the initial network are wrong
    "dynamics",  # the steps are wrong for this loss
]


@dataclass(frozen=True)
class Detection:
    """Evidence of a problem in one run: the measured number, its limit and the line in the script."""

    certain: bool  # whether the problem is certain; otherwise it is a suspicion that a trial must confirm
    sentence: str  # sentence with the problem, the measured number, its limit, and the effect
    quantity: str  # name of the measured number
    value: float
    bound: float
    source: str  # reference for the limit: paper or lecture, section or equation
    where: Site | None = None  # the line of the user's script that has the problem
    module: str = ""  # the module or parameter in which the problem appears
    optimizer: str = "0"  # number of the optimizer that has the problem, counted from 0, as text
    evidence: tuple[tuple[str, str], ...] = (("loss", "0"),)  # names and places of the series that show the problem
    is_observation: bool = False  # whether the evidence is only that an edit helped, while the cause is unknown
    likely: bool = False  # whether the suspicion, even if untested, rules out the verdict "no problem"

    @property
    def certainty(self) -> str:
        """The certainty of the problem: `certain`, `likely` or `suspected`; `observation` if only an edit helped."""
        if self.is_observation:
            return "observation"
        return "certain" if self.certain else "likely" if self.likely else "suspected"


class FatalDetection(Detection):
    """Evidence of a mistake that invalidates the whole training: other symptoms may be its consequences."""


def optimizer_name(record: Record, key: str) -> str:
    """Return the script's variable name of an optimizer in backticks, or `the optimizer`."""
    made = record.site(SiteKind.OPTIMIZER, key)
    return f"`{made.variable}`" if made is not None and made.variable else "the optimizer"


@dataclass(frozen=True, kw_only=True)
class Symptom(Detection):
    """A problem as detected in one run, with its evidence."""

    id: str  # the problem's id, such as inputs_not_normalised or instability
    kind: ProblemKind
    explains: frozenset[str] = field(default=frozenset())  # ids of the problems that this one explains in this run


def unexplained_symptoms(symptoms: list[Symptom]) -> list[Symptom]:
    """Return the symptoms without those that an earlier symptom in the list explains, directly or through others."""
    explained: set[str] = set()
    kept = []
    for symptom in symptoms:
        if symptom.id not in explained:
            kept.append(symptom)
        explained |= symptom.explains
    return kept
