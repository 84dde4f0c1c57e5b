"""What a symptom's function returns: the sign of it."""

from dataclasses import dataclass

from descend.doctor.record import Record, Site
from descend.ground.bound import Bound, Count

EARLY = Count(
    3,
    "steps, or looks",
    "chosen: what is wired wrongly shows in each of the first few, what is meant shows otherwise once",
)
FRESH = Bound(
    0.5, "of the weight matrices that nothing has trained or loaded", "chosen: a backbone's were trained or loaded"
)


@dataclass(frozen=True)
class Sign:
    """What shows that something is wrong with a run: the number, the bound it breaks, and where."""

    certain: bool  # a fact stands by itself; a suspicion becomes a finding when a trial of a remedy wins
    sentence: str  # what is wrong, the number against the bound, and what follows
    quantity: str  # name of the measured number
    value: float
    bound: float
    source: str  # where the bound comes from: paper or lecture, section or equation
    where: Site | None = None  # the line of the user's that it comes from
    module: str = ""  # the module or parameter it shows in
    optimizer: str = "0"  # key of the optimizer it concerns
    evidence: tuple[tuple[str, str], ...] = (("loss", "0"),)  # (name, place) of the series that show it
    is_observation: bool = False  # an edit was seen to help, and no cause is known
    likely: bool = False  # a suspicion that a clean bill needs to be decided against

    @property
    def standing(self) -> str:
        """How sure it is without a trial, `fact`, `likely` or `suspected`; `observation` where no cause is known."""
        if self.is_observation:
            return "observation"
        return "fact" if self.certain else "likely" if self.likely else "suspected"


class Ruin(Sign):
    """A sign of what leaves nothing of the training as it was meant: whatever else shows may be its echo."""


def optimizer_name(record: Record, key: str) -> str:
    """Return what the script calls an optimizer, to be put into a sentence."""
    made = record.site("optimizer", key)
    return f"`{made.variable}`" if made is not None and made.variable else "the optimizer"
