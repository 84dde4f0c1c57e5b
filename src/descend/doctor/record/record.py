"""A run's measurements, read back. Symptoms are functions of this and of nothing else."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Generic, TypeVar

from descend.doctor.record.facts.named import name_of
from descend.doctor.record.facts.older import name_now
from descend.doctor.record.reading import IN_SCRIPT, Cost, Effect, Ending, Fact, Message, Note, Reading, Site

F = TypeVar("F")


@dataclass(frozen=True)
class Series:
    """One quantity over the steps of a run."""

    steps: tuple[int, ...] = ()
    values: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[tuple[int, float]]:
        return iter(zip(self.steps, self.values, strict=True))

    def finite(self) -> "Series":
        """Return the part before the first infinity or NaN."""
        for i, value in enumerate(self.values):
            if not isfinite(value):
                return Series(self.steps[:i], self.values[:i])
        return self

    def until(self, step: int) -> "Series":
        """Return the part measured before `step`."""
        kept = sum(s < step for s in self.steps)
        return Series(self.steps[:kept], self.values[:kept])

    def at(self, step: int) -> float:
        """The value in force at `step`: the last one measured until then; NaN when there is none."""
        known = bisect_right(self.steps, step)
        return self.values[known - 1] if known else float("nan")

    @property
    def first(self) -> float:
        """The first value; NaN when there is none."""
        return self.values[0] if self.values else float("nan")

    @property
    def last(self) -> float:
        """The last value; NaN when there is none."""
        return self.values[-1] if self.values else float("nan")

    @property
    def max(self) -> float:
        """The largest finite value; NaN when there is none."""
        return max((v for v in self.values if isfinite(v)), default=float("nan"))

    @property
    def min(self) -> float:
        """The smallest finite value; NaN when there is none."""
        return min((v for v in self.values if isfinite(v)), default=float("nan"))


@dataclass(frozen=True)
class Observed(Generic[F]):
    """A fact, and the optimizer steps that had been taken when it was observed."""

    step: int
    fact: F


@dataclass
class Record:
    """Everything that was measured in one run, keyed by what and where.

    `run` is its number in the store; `role` is `watch`, `baseline` (the run that is diagnosed) or `trial_run`
    (a trial's run, whose `parent` is the baseline).
    """

    run: int = 0
    role: str = "baseline"
    parent: int | None = None
    script: str = ""  # the command as a user would type it, secrets redacted
    root: str = ""  # the working directory that it was started in
    seed: int = 0  # the offset given to the script's own seeds
    environment: dict[str, str] = field(default_factory=dict)  # versions, threads, device
    readings: dict[tuple[str, str], tuple[list[int], list[float]]] = field(default_factory=dict)
    facts: dict[tuple[str, str], list[Fact]] = field(default_factory=dict)
    sites: list[Site] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    costs: dict[str, Cost] = field(default_factory=dict)
    ending: Ending | None = None

    def add(self, message: Message) -> None:
        """Take one message into the record."""
        match message:
            case Reading(name, place, step, value):
                steps, values = self.readings.setdefault((name, place), ([], []))
                steps.append(step)
                values.append(value)
            case Fact():
                name = name_now(message.name)
                self.facts.setdefault((name, message.place), []).append(replace(message, name=name))
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
        """Take many messages into the record."""
        for message in messages:
            self.add(message)

    def series(self, name: str, place: str = "") -> Series:
        """Return one quantity over time; empty when it was not measured."""
        steps, values = self.readings.get((name, place), ([], []))
        return Series(tuple(steps), tuple(values))

    def held_out(self, like: "Record | None" = None) -> Series:
        """Return the losses that the script evaluates on data held out, at the place where `like` does so."""
        return self.series("evaluation_loss", (like or self).held_out_place()).finite()

    def held_out_place(self) -> str:
        """Return where the losses that the script evaluates end highest: elsewhere it may be training data.

        What it evaluates seldom, as test data at the end, is left out.
        """
        curves = {place: self.series("evaluation_loss", place).finite() for place in self.places("evaluation_loss")}
        most = max(map(len, curves.values()), default=0)
        often = [place for place, curve in curves.items() if len(curve) and 2 * len(curve) >= most]
        return max(often, key=lambda p: curves[p].last, default="")

    def places(self, name: str) -> list[str]:
        """Return the places at which a series of that name was measured, in order of appearance."""
        return [place for known, place in self.readings if known == name]

    def fact(self, kind: type[F], place: str = "") -> F | None:
        """Return the latest fact of a type that was observed at a place, or None."""
        known = self.facts.get((name_of(kind), place))
        return _typed(kind, known[-1]) if known else None

    def every(self, kind: type[F]) -> dict[str, F]:
        """Return the latest fact of a type for each place at which one was observed, in order of appearance."""
        name = name_of(kind)
        return {place: _typed(kind, seen[-1]) for (known, place), seen in self.facts.items() if known == name}

    def history(self, kind: type[F], place: str = "") -> list[Observed[F]]:
        """Return every fact of a type that was observed at a place, oldest first."""
        return [Observed(fact.step, _typed(kind, fact)) for fact in self.facts.get((name_of(kind), place), [])]

    def site(self, kind: str, key: str | None = None) -> Site | None:
        """Return the first site of that kind (and key), or None."""
        return next(iter(self.every_site(kind, key)), None)

    def every_site(self, kind: str, key: str | None = None) -> list[Site]:
        """Return the sites of that kind (and key), in the order in which they were seen."""
        return [s for s in self.sites if s.kind == kind and key in (None, s.key)]

    def site_in_script(self, site: Site) -> Site:
        """Return where the script has it done, where a library's call makes it; else the site itself."""
        return self.site(f"{site.kind}{IN_SCRIPT}", site.key) or site

    def with_course_of(self, other: "Record") -> "Record":
        """Return what is known of this run, with the numbers and the ending of another."""
        return replace(self, readings=other.readings, ending=other.ending)

    @property
    def can_be_judged(self) -> bool:
        """Whether it has come to an end that a cost can be told of: its window's, its own, or a failing one.

        A failing one counts where it is the baseline's, behind some training: the trials end where that one has.
        """
        if self.ending is None or self.ending.reason in ("finished", "window"):
            return self.ending is not None
        return self.role == "baseline" and self.ending.reason == "failed" and self.ending.is_told and self.steps > 1

    @property
    def has_fixed_examples(self) -> bool:
        """Whether a step could be replayed on fixed examples, which most measurements need."""
        return any(name == "monitor" for name, _ in self.facts)

    @property
    def is_of_a_group(self) -> bool:
        """Whether the script is one that torchrun starts, be it as several processes."""
        return any(note.probe == "torchrun" for note in self.notes)

    @property
    def steps(self) -> int:
        """Optimizer steps that the run took, as far as it is known."""
        if self.ending:
            return self.ending.steps
        return max((s[-1] for s, _ in self.readings.values() if s), default=0)


def _typed(kind: type[F], fact: Fact) -> F:
    from descend.doctor.record.facts.typed import (
        typed,  # here: a script's own interpreter that records needs no msgspec
    )

    return typed(kind, fact.detail)
