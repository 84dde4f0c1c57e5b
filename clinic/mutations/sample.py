"""Which mutants are measured: the halves, singles by operator and host, pairs of them, and paraphrases."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from mutations.catalogue import compiles, hosts, mutants, unseen
from mutations.families import BENIGN, FAMILIES
from mutations.metric import Metric, metric_of
from mutations.mutant import Mutant
from mutations.paraphrase import renamed
from mutations.script import Edit, Script

HALVES = ("held_out", "tuning")
PER_FAMILY = 2  # singles of a host, of different operators
PAIRS = 2  # of a host
DOCSTRING = re.compile(r'\A"""(.*?)\n.*?"""\n', re.DOTALL)


def order(name: str) -> str:
    """Return by what names are drawn: a hash, so that nobody has chosen."""
    return hashlib.sha256(name.encode()).hexdigest()


FIRST = len(FAMILIES) // 2
FAMILIES_OF = dict(zip(HALVES, (sorted(FAMILIES, key=order)[:FIRST], sorted(FAMILIES, key=order)[FIRST:])))


@dataclass(frozen=True)
class Subject:
    """A program with one mistake or two."""

    half: str
    mutants: tuple[Mutant, ...]

    @property
    def id(self) -> str:
        """What tells it from all others."""
        first, *rest = self.mutants
        return "+".join((first.id, *(f"{mutant.operator.name}/{mutant.number}" for mutant in rest)))

    @property
    def text(self) -> str:
        """The program."""
        text = self.mutants[0].host.mutated(*(mutant.edit for mutant in self.mutants))
        return renamed(text) if self.is_paraphrased else text

    @property
    def is_paraphrased(self) -> bool:
        """Whether its names are others: a third of all are."""
        return int(order(self.id)[:8], 16) % 3 == 0

    @property
    def metric(self) -> Metric:
        """How good what it trains is."""
        metric = metric_of(self.host_text)
        assert metric is not None
        return metric

    @property
    def host_text(self) -> str:
        """The program without a mistake."""
        return self.mutants[0].host.data.decode()

    @property
    def places(self) -> tuple[frozenset[int], ...]:
        """Of each mistake, the lines of the program's own text that it is in."""
        return tuple(frozenset(self._place(mutant.edit)) for mutant in self.mutants)

    def _place(self, edit: Edit) -> Iterator[int]:
        lines = self.mutants[0].host.data.splitlines(keepends=True)
        begins = [sum(map(len, lines[:k])) for k in range(len(lines))]
        yield from (line + self._grown(begins[line - 1]) for line in edit.lines)
        first = self.mutants[0].host.data[: edit.start].count(b"\n") + 1 + self._grown(edit.start)
        yield from range(first, first + edit.text.count("\n") + 1)

    def _grown(self, at: int) -> int:
        """Return by how many lines the text before a byte of the host has grown."""
        data, edits = self.mutants[0].host.data, [mutant.edit for mutant in self.mutants]
        return sum(
            e.text.count("\n") - data[e.start : e.end].count(b"\n") for e in edits if max(e.start + 1, e.end) <= at
        )


def as_shown(text: str) -> str:
    """Return a program without what is written into it about its measure; its lines keep their numbers."""
    text = re.sub(r"  # clinic: .*", "", text)
    return DOCSTRING.sub(lambda found: f'"""{found[1]}{chr(10) * found[0].count(chr(10))}'[:-1] + '"""\n', text)


def hosts_of(half: str) -> list[Path]:
    """Return the programs of a half: those that have a metric; nobody has consulted on those that are held out."""
    found = unseen() if half == "held_out" else hosts()
    return [path for path in found if metric_of(path.read_text())]


def singles(half: str) -> Iterator[Subject]:
    """Yield what is to be measured: of each host and family the first few, in the order that is drawn."""
    for path in hosts_of(half):
        script = Script(path)
        for family in FAMILIES_OF[half]:
            taken: set[str] = set()
            found = mutants(script, {family: FAMILIES[family]})
            for mutant in sorted(found, key=lambda mutant: order(mutant.id)):
                if len(taken) < PER_FAMILY and mutant.operator.name not in taken:
                    taken.add(mutant.operator.name)
                    yield Subject(half, (mutant,))


def pairs(valid: Iterable[Subject]) -> Iterator[Subject]:
    """Yield pairs of mistakes of different families, each of which hurts alone; at most so many of a host."""
    of_host: dict[str, list[Subject]] = {}
    for subject in valid:
        of_host.setdefault(subject.mutants[0].host.name, []).append(subject)
    for found in of_host.values():
        both = [Subject(a.half, a.mutants + b.mutants) for a, b in combinations(found, 2)]
        both = [pair for pair in both if _apart(*pair.mutants)]
        both.sort(key=lambda pair: order("".join(mutant.id for mutant in pair.mutants)))
        yield from (pair for pair in both[:PAIRS] if compiles(pair.text))


def benign(half: str) -> Iterator[Subject]:
    """Yield edits without effect, two of each host."""
    for path in hosts_of(half):
        found = sorted(mutants(Script(path), BENIGN), key=lambda mutant: order(mutant.id))
        yield from (Subject(half, (mutant,)) for mutant in found[:2])


def _apart(a: Mutant, b: Mutant) -> bool:
    return a.family != b.family and (a.edit.end < b.edit.start or b.edit.end < a.edit.start)
