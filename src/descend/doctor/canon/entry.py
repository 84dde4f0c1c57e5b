"""What an entry of the list is: a problem, how to look for it, what it entails, and the lines of the table for it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from inspect import cleandoc
from types import ModuleType

from descend.doctor.course.yardstick import JudgedOn
from descend.doctor.doses import Dose, on_the_way
from descend.doctor.record import Record, facts
from descend.doctor.symptoms import Ruin, Sign, Symptom

# What any ruin makes of a run: none of these is news once it is known.
ECHOES = frozenset(
    "instability exploding_gradients cliff dead_units saturated_units bad_initialisation vanishing_gradients "
    "slow_progress plateau saddle_point oscillation fluctuations ill_conditioned_curvature covariate_shift "
    "local_optima stopped_too_early over_regularised momentum_mismatch layer_rate_mismatch correlated_inputs "
    "overfitting".split()
)
Where = tuple[type[facts.Editable], str, int]  # kind, edit, places


@dataclass(frozen=True)
class Row:
    """One line of the table: a remedy, how much of it, and why it should work."""

    remedy: str  # several, joined by "+", are applied one after another
    dose: Callable[[Record, Symptom], Dose | None]  # None: not this time
    label: str  # filled in from the dose
    why: str
    source: str
    decides: bool = True  # whether its rerun settles a suspicion
    cost: int = 2  # 1 rewrites a number, 2 adds or drops a statement, 3 changes the rule
    judged_on: JudgedOn = "fixed"
    leaves_loss: bool = False  # as it is: the training's own losses judge it where nothing else can
    adds_parameters: bool = False  # whether the network can fit more with it, noise included
    much: bool = False  # whether it must take off half: what has no name must be worth a finding by its gain alone
    restart: bool = False  # whether it is another start: on every seed it has to do better than the script as it ran
    redraws: bool = False  # whether what is drawn after it is drawn otherwise, the order of the batches among it
    gives_up: bool = False  # whether it takes out what the author wants, be it that it does harm as it stands

    @property
    def remedies(self) -> tuple[str, ...]:
        """Their ids, in the order in which they are applied."""
        return tuple(self.remedy.split("+"))


@dataclass(frozen=True)
class Entry:
    """One problem: `symptoms/<id>.py` looks for it, in a function of that name."""

    id: str
    kind: str  # wiring, statics or dynamics
    title: str  # a few plain words that can stand as a headline
    rows: tuple[Row, ...]
    consequences: frozenset[str] = frozenset()  # ids, further down the list, of what may come of it in a run
    flatters: bool = False  # whether the fault may make the cost lower than it honestly is: no trial can then refute it
    observes: bool = False  # whether it finds where an edit helps, and not what is wrong there
    advice: str = ""  # what no rerun can prove is told in words

    @cached_property
    def _file(self) -> ModuleType:
        return import_module(f"descend.doctor.symptoms.{self.id}")

    @property
    def _look(self) -> Callable[[Record], Sign | None]:
        function: Callable[[Record], Sign | None] = getattr(self._file, self.id)
        return function

    def look(self, record: Record) -> Symptom | None:
        """Look for it in a run."""
        sign = self._look(record)
        if sign is None:
            return None
        explains = self.consequences | ECHOES if isinstance(sign, Ruin) else self.consequences
        return Symptom(**vars(sign), id=self.id, kind=self.kind, explains=explains)

    @property
    def nature(self) -> str:
        """What it is, in the words of its own file."""
        return cleandoc(self._file.__doc__ or "")

    @property
    def appearance(self) -> str:
        """How it shows, in the words of what looks for it."""
        return cleandoc(self._look.__doc__ or "")

    @property
    def source(self) -> str:
        """Where its bound comes from; "" where that depends on how it shows."""
        return str(getattr(self._file, "SOURCE", ""))


def at_places(remedy: str, where: Where, label: str, because: tuple[str, str], cost: int = 2) -> list[Row]:
    """Return a row for each of so many places of a kind that allow an edit."""
    kind, edit, places = where
    doses = [on_the_way(kind, edit, number) for number in range(places)]
    return [Row(remedy, dose, label, *because, cost=cost, judged_on="metric") for dose in doses]
