"""A problem of the catalog: its title, consequences and remedy entries. Its file in `symptoms` detects it."""

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from inspect import cleandoc, getsource
from string import Formatter
from textwrap import dedent
from types import ModuleType

from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection, ProblemKind, Symptom
from descend.doctor.record import Record, facts
from descend.doctor.remedies.traits import EditTraits
from descend.doctor.remedy_arguments.sites import edit_of_site
from descend.doctor.remedy_arguments.values import Values

# Ids of the problems that usually follow from a mistake that makes the whole training meaningless.
ECHOES = frozenset(
    "instability exploding_gradients cliff dead_units saturated_units bad_initialisation vanishing_gradients "
    "slow_progress plateau saddle_point oscillation fluctuations ill_conditioned_curvature covariate_shift "
    "local_optima stopped_too_early over_regularised momentum_mismatch layer_rate_mismatch correlated_inputs "
    "overfitting".split()
)
# kind of recorded place in the source, kind of edit at that place, and the largest number of places that are tried
EditPlaces = tuple[type[facts.Editable], str, int]


def _documentation(of: ModuleType | Callable[..., object]) -> str:
    """Return the docstring of a module or function; read it from the source if Python has removed docstrings."""
    if of.__doc__ is None:
        parsed = ast.parse(dedent(getsource(of)))
        found = parsed if isinstance(of, ModuleType) else parsed.body[0]
        return ast.get_docstring(found) or ""  # type: ignore[arg-type] # a function has a docstring
    return cleandoc(of.__doc__)


@dataclass(frozen=True)
class RemedyEntry(EditTraits):
    """One remedy for a problem: which edit it makes, with which arguments, and why it should work."""

    remedy: str  # the remedy's id; several ids joined by "+" are applied one after the other
    # returns the remedy's arguments, or None if it does not apply to the run
    choose_values: Callable[[Record, Symptom], Values | None]
    label: str  # instruction to the user, with placeholders for the arguments
    why: str
    source: str
    # whether losses stay comparable after the edit, so that training losses can decide the trial
    leaves_loss: bool = field(default=False, kw_only=True)

    @property
    def remedies(self) -> tuple[str, ...]:
        """The ids of the remedies that this entry combines, in the order in which they are applied."""
        return tuple(self.remedy.split("+"))

    @property
    def name(self) -> str:
        """The ids of the remedies as text, such as "zero_grad", or "a and b" for a pair."""
        return " and ".join(self.remedies)

    @property
    def general_label(self) -> str:
        """The label for any run: `<lr>` in place of the learning rate, which is known only for one run."""
        parts = Formatter().parse(self.label)
        return "".join(text + (f"<{field}>" if field else "") for text, field, _, _ in parts)


@dataclass(frozen=True)
class CodeExample:
    """A few lines of a training script with a problem, and the same lines without it."""

    faulty: str
    fixed: str


def group_by_reason(
    entries: Iterable[RemedyEntry], name: Callable[[RemedyEntry], str]
) -> dict[tuple[str, str], list[str]]:
    """Return, for each reason why remedies work and its source, the different names of these remedies."""
    groups: dict[tuple[str, str], dict[str, None]] = {}
    for entry in entries:
        groups.setdefault((entry.why, entry.source), {})[name(entry)] = None
    return {reason: list(names) for reason, names in groups.items()}


@dataclass(frozen=True)
class Problem:
    """One known cause of failed training, with its remedies. `symptoms/<id>.py` defines and detects it."""

    id: str
    kind: ProblemKind
    title: str  # a short sentence for headlines
    example: CodeExample
    remedies: tuple[RemedyEntry, ...] = ()
    consequences: frozenset[str] = frozenset()  # ids of other problems that this problem may cause
    flatters: bool = False  # whether the problem may make the loss too low, so that a trial cannot rule it out
    # whether this is a general search, which shows where an edit helps but not what the mistake is
    observes: bool = False
    advice: str = ""  # what the user can do if no trial proves a remedy

    @cached_property
    def _module(self) -> ModuleType:
        """The Python module `symptoms/<id>.py`, which defines and detects this problem."""
        return import_module(f"descend.doctor.symptoms.{self.id}")

    @property
    def _detect_function(self) -> Callable[[Record, RunSummary], Detection | None]:
        """The function `detect` of this problem's module."""
        function: Callable[[Record, RunSummary], Detection | None] = self._module.detect
        return function

    def detect(self, record: Record, summary: RunSummary) -> Symptom | None:
        """Return the symptom of this problem in a run; None if the run does not show the problem."""
        detection = self._detect_function(record, summary)
        if detection is None:
            return None
        explains = self.consequences | ECHOES if isinstance(detection, FatalDetection) else self.consequences
        return Symptom(**vars(detection), id=self.id, kind=self.kind, explains=explains)

    @property
    def nature(self) -> str:
        """What the problem is: the first paragraph of its module's docstring."""
        return _documentation(self._module).split("\n\n")[0]

    @property
    def explanation(self) -> str:
        """Why the problem prevents training, with the formula: the other paragraphs of its module's docstring."""
        return _documentation(self._module).partition("\n\n")[2]

    @property
    def appearance(self) -> str:
        """A description of how the problem is detected: the docstring of its function `detect`."""
        return _documentation(self._detect_function)

    @property
    def source(self) -> str:
        """The citation for the problem's limit; "" if the module states no single source."""
        return str(getattr(self._module, "SOURCE", ""))


def entries_for_places(
    remedy: str, where: EditPlaces, label: str, because: tuple[str, str], cost: int = 2
) -> list[RemedyEntry]:
    """Return one remedy entry for each place in the source at which the same edit can be tried."""
    kind, edit, places = where
    choices = [edit_of_site(kind, edit, number) for number in range(places)]
    return [RemedyEntry(remedy, choose, label, *because, cost=cost, judged_on="metric") for choose in choices]
