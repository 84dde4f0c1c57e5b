"""The measurements of one run. Symptoms are functions of a record alone."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Generic, TypeVar

from descend.doctor.record.facts.named import name_of
from descend.doctor.record.messages import IN_SCRIPT, Cost, Effect, Ending, Fact, Message, Note, Reading, Site
from descend.doctor.record.site_kinds import SiteKind
from descend.doctor.script.run_names import EndReason, Role

F = TypeVar("F")


@dataclass(frozen=True)
class Series:
    """The values of one measured quantity, such as the loss, and the steps at which they were measured."""

    steps: tuple[int, ...] = ()
    values: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[tuple[int, float]]:
        return iter(zip(self.steps, self.values, strict=True))

    def finite(self) -> "Series":
        """Return the values of the series, with their steps, before the first infinite or NaN value."""
        for i, value in enumerate(self.values):
            if not isfinite(value):
                return Series(self.steps[:i], self.values[:i])
        return self

    def until(self, step: int) -> "Series":
        """Return the values that were measured before `step`, as a series."""
        kept = sum(s < step for s in self.steps)
        return Series(self.steps[:kept], self.values[:kept])

    def at(self, step: int) -> float:
        """Return the last value measured at or before `step`; NaN if there is no such value."""
        known = bisect_right(self.steps, step)
        return self.values[known - 1] if known else float("nan")

    @property
    def first(self) -> float:
        """The first value; NaN for an empty series."""
        return self.values[0] if self.values else float("nan")

    @property
    def last(self) -> float:
        """The last value; NaN for an empty series."""
        return self.values[-1] if self.values else float("nan")

    @property
    def max(self) -> float:
        """The largest finite value; NaN without a finite value."""
        return max((v for v in self.values if isfinite(v)), default=float("nan"))

    @property
    def min(self) -> float:
        """The smallest finite value; NaN without a finite value."""
        return min((v for v in self.values if isfinite(v)), default=float("nan"))


@dataclass(frozen=True)
class Observed(Generic[F]):
    """An observation, and the number of optimizer steps after which it was made."""

    step: int
    fact: F


@dataclass
class Record:
    """Everything that was measured in one run of the script.

    run: its number in the store.
    role: `watch`, `baseline` (the run that is diagnosed) or `trial_run` (whose `parent` is the baseline).
    """

    run: int = 0
    role: str = "baseline"
    parent: int | None = None
    script: str = ""  # the command as a user would type it, without secrets
    root: str = ""  # the working directory
    seed: int = 0  # offset that is added to the script's own seeds
    environment: dict[str, str] = field(
        default_factory=dict, repr=False
    )  # versions of packages, number of threads, device
    readings: dict[tuple[str, str], tuple[list[int], list[float]]] = field(default_factory=dict, repr=False)
    facts: dict[tuple[str, str], list[Fact]] = field(default_factory=dict, repr=False)
    sites: list[Site] = field(default_factory=list, repr=False)
    effects: list[Effect] = field(default_factory=list, repr=False)
    notes: list[Note] = field(default_factory=list, repr=False)
    costs: dict[str, Cost] = field(default_factory=dict, repr=False)
    ending: Ending | None = None

    def add(self, message: Message) -> None:
        """Add the measurement, note or other content of one message to the record."""
        match message:
            case Reading(name, place, step, value):
                steps, values = self.readings.setdefault((name, place), ([], []))
                steps.append(step)
                values.append(value)
            case Fact():
                self.facts.setdefault((message.name, message.place), []).append(message)
            case Site():
                self.sites.append(message)
            case Effect():
                self.effects.append(message)
            case Note():
                self.notes.append(message)
            case Cost():
                self.costs[message.probe] = message
            case Ending():
                self.ending = message

    def extend(self, messages: Iterable[Message]) -> None:
        """Add the contents of several messages to the record, in order."""
        for message in messages:
            self.add(message)

    def series(self, name: str, place: str = "") -> Series:
        """Return all values of the quantity `name` in the run; an empty series if it was not measured."""
        steps, values = self.readings.get((name, place), ([], []))
        return Series(tuple(steps), tuple(values))

    def held_out(self, like: "Record | None" = None) -> Series:
        """Return the loss on held-out data at each evaluation by the script.

        They are taken at the held-out place of the record `like` (default: of this record).
        """
        return self.series("evaluation_loss", (like or self).held_out_place()).finite()

    def held_out_place(self) -> str:
        """Return the name of the evaluation loss that counts as held-out: the one with the highest last value.

        The others may be of training data. A loss with less than half as many evaluations as the most frequent one,
        such as that of a final test, is ignored.
        """
        curves = {place: self.series("evaluation_loss", place).finite() for place in self.places("evaluation_loss")}
        most = max(map(len, curves.values()), default=0)
        often = [place for place, curve in curves.items() if len(curve) and 2 * len(curve) >= most]
        return max(often, key=lambda p: curves[p].last, default="")

    def places(self, name: str) -> list[str]:
        """Return the places, such as modules, at which a quantity was measured, in order of appearance."""
        return [place for known, place in self.readings if known == name]

    def initial_values(self, name: str) -> dict[str, float]:
        """Return the first value of a quantity for each place, such as a module, that was measured from the start.

        Other places, such as a layer that the script calls later, are omitted: their first value is of a trained model.
        """
        curves = {place: self.series(name, place) for place in self.places(name)}
        start = min((curve.steps[0] for curve in curves.values()), default=0)
        return {place: curve.first for place, curve in curves.items() if curve.steps[0] == start}

    def fact(self, kind: type[F], place: str = "") -> F | None:
        """Return the latest observation of type `kind` at a place, such as a module; None if nothing was observed."""
        known = self.facts.get((name_of(kind), place))
        return _convert_fact(kind, known[-1]) if known else None

    def every(self, kind: type[F]) -> dict[str, F]:
        """Return the latest observation of type `kind` for each place, such as a module, as a dictionary."""
        name = name_of(kind)
        return {place: _convert_fact(kind, seen[-1]) for (known, place), seen in self.facts.items() if known == name}

    def history(self, kind: type[F], place: str = "") -> list[Observed[F]]:
        """Return all observations of type `kind` at a place, such as a module, oldest first."""
        return [Observed(fact.step, _convert_fact(kind, fact)) for fact in self.facts.get((name_of(kind), place), [])]

    def site(self, kind: SiteKind, key: str | None = None) -> Site | None:
        """Return the first recorded place in the source of this kind (and key, if given), or None."""
        return next(iter(self.every_site(kind, key)), None)

    def every_site(self, kind: SiteKind, key: str | None = None) -> list[Site]:
        """Return all recorded places in the source of this kind (and key, if given)."""
        return [s for s in self.sites if s.kind == kind and key in (None, s.key)]

    def site_in_script(self, site: Site) -> Site:
        """Return the script's line that calls a library if `site` is in that library; otherwise return `site`."""
        name = f"{site.kind}{IN_SCRIPT}"
        found = next((s for s in self.sites if s.kind == name and s.key == site.key), None)
        return site if found is None else replace(found, kind=site.kind)

    def with_readings_of(self, other: "Record") -> "Record":
        """Return a copy of this record in which the measured series and the ending are those of the record `other`."""
        return replace(self, readings=other.readings, ending=other.ending)

    @property
    def can_be_compared(self) -> bool:
        """Whether the final loss can be compared with other runs: the run finished or reached the observation limit.

        A baseline that failed after some steps counts, too, because its trials end at the same step.
        """
        if self.ending is None or self.ending.reason in (EndReason.FINISHED, EndReason.WINDOW):
            return self.ending is not None
        return (
            self.role == Role.BASELINE
            and self.ending.reason == EndReason.FAILED
            and self.ending.is_reported
            and self.steps > 1
        )

    @property
    def has_fixed_examples(self) -> bool:
        """Whether the run kept fixed examples to replay training steps on, which most measurements require."""
        return any(name == "monitor" for name, _ in self.facts)

    @property
    def is_distributed(self) -> bool:
        """Whether torchrun starts the script, as one process or as several."""
        return any(note.probe == "torchrun" for note in self.notes)

    @property
    def steps(self) -> int:
        """Number of optimizer steps that the run took; without an ending, the largest step that was recorded."""
        if self.ending:
            return self.ending.steps
        return max((s[-1] for s, _ in self.readings.values() if s), default=0)


def _convert_fact(kind: type[F], fact: Fact) -> F:
    """Convert a stored observation to an instance of the dataclass `kind`."""
    # Imported here because the script's own interpreter, which also uses records, may lack msgspec.
    from descend.doctor.record.facts.typed import typed

    return typed(kind, fact.detail)
