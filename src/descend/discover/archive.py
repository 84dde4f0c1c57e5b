"""What a search has evaluated: one entry for each class of equivalent expressions, kept in a file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path
from typing import Any

from descend.core.json_lines import add_json_line, read_rows
from descend.discover.canonical import canonical
from descend.discover.expression import PROXIES, Expression
from descend.discover.proxies import Score, score
from descend.discover.values import fingerprint


class OutOfEvaluations(Exception):
    """The search has made as many evaluations as it may."""


@dataclass(frozen=True)
class Entry:
    """A class of equivalent expressions: its simplest member so far, and its score."""

    fingerprint: str
    expression: Expression
    score: Score
    number: int  # of the evaluation, counted from 1


def best_entries(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries that learn something, the best one first."""
    return sorted((e for e in entries if isfinite(e.score.value)), key=lambda e: e.score.value)


@dataclass
class Archive:
    """The evaluations of one search. Equivalent and invalid expressions cost nothing."""

    most: int  # number of evaluations
    proxies: Sequence[str] = PROXIES
    path: Path | None = None  # the file in which the evaluations are kept
    entries: dict[str, Entry] = field(default_factory=dict)
    proposed: int = 0  # expressions that the search has proposed
    invalid: int = 0  # proposed expressions that cannot train anything
    _stored: dict[str, Score] = field(default_factory=dict)  # of an earlier, interrupted search
    _digests: dict[Expression | None, str | None] = field(default_factory=dict)  # fingerprints of canonical forms

    def __post_init__(self) -> None:
        """Read the evaluations of an interrupted search. Raise `UsageError` if the file is damaged."""
        if self.path is None:
            return
        self._stored.update(read_rows(self.path, _fingerprint_and_score, "evaluations"))

    def evaluate(self, expression: Expression) -> float:
        """Return the score of an expression; infinity if it cannot train anything.

        Raises `OutOfEvaluations` if it would need one evaluation too many. An evaluation of an interrupted search
        counts, but is not made again.
        """
        self.proposed += 1
        simplest = canonical(expression)
        if simplest not in self._digests:
            self._digests[simplest] = None if simplest is None else fingerprint(simplest)
        digest = self._digests[simplest]
        if simplest is None or digest is None:
            self.invalid += 1
            return inf
        known = self.entries.get(digest)
        if known is not None:
            if simplest.size < known.expression.size:
                self.entries[digest] = Entry(digest, simplest, known.score, known.number)
            return known.score.value
        if len(self.entries) >= self.most:
            raise OutOfEvaluations
        found = self._stored.get(digest) or score(simplest, self.proxies)
        self.entries[digest] = Entry(digest, simplest, found, len(self.entries) + 1)
        if digest not in self._stored:
            self._store(self.entries[digest])
        return found.value

    @property
    def best(self) -> list[Entry]:
        """The entries that learn something, the best one first."""
        return best_entries(self.entries.values())

    @property
    def elites(self) -> list[Entry]:
        """The best entry of each size, which a search may change further."""
        found: dict[int, Entry] = {}
        for entry in reversed(self.best):
            found[entry.expression.size] = entry
        return list(found.values())

    def _store(self, entry: Entry) -> None:
        """Add an evaluation to the file."""
        if self.path is None:
            return
        row = {
            "fingerprint": entry.fingerprint,
            "expression": str(entry.expression),
            "score": entry.score.value,
            "rates": entry.score.rates,
            "lr": entry.score.lr,
        }
        add_json_line(self.path, row)


def _fingerprint_and_score(row: dict[str, Any]) -> tuple[str, Score]:
    """Return what a line of the file holds."""
    return row["fingerprint"], Score(row["score"], tuple(row["rates"]), row["lr"])
