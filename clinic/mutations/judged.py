"""Whether a mistake hurts, and what a repair gives back: by the program's own metric, under plain python."""

from typing import Any

import torch

from mutations.metric import Metric
from mutations.plain import printed
from mutations.rows import Rows, key
from mutations.sample import Subject

HURT = 0.2  # of what separates the host from what learns nothing is lost,
PAIRED = range(5)  # by these seeds,
MOST = 4  # in so many of them
FRESH = range(5, 8)  # by which repairs are judged
HALF, MOSTLY = 0.5, 0.8  # of what was lost is given back


def program_key(subject: Subject) -> str:
    """Return what tells a program with a mistake, its host and the version of PyTorch from all others."""
    return key(subject.host_text, subject.text, torch.__version__)


class Values:
    """The metric of programs by seed, each measured once for each version of PyTorch."""

    def __init__(self, rows: Rows | None = None) -> None:
        self.rows, self._torch = rows or Rows("values"), torch.__version__

    def value(self, text: str, seed: int, metric: Metric, name: str) -> float | None:
        """Return what a program prints of its metric; None where it fails before. name: what it is, for the rows."""
        own = key(text, seed, self._torch)
        row = self.rows.known.get(own)
        if row is None:
            said = printed(text, seed)
            value = None if said is None else metric.read(said)
            row = self.rows.add({"key": own, "of": name, "seed": seed, "value": value})
        value = row["value"]
        return None if value is None else float(value)

    def hurts(self, subject: Subject) -> bool | None:
        """Whether a mistake counts; None where the program fails, which says by itself what is wrong."""
        hurt = fine = 0
        metric = subject.metric
        for seed in PAIRED:
            host = self.value(subject.host_text, seed, metric, subject.mutants[0].host.name)
            mutant = self.value(subject.text, seed, metric, subject.id)
            if host is None or mutant is None:
                return None
            hurt, fine = (hurt + 1, fine) if metric.lost(host, mutant) >= HURT else (hurt, fine + 1)
            if hurt >= MOST or fine > len(PAIRED) - MOST:
                break
        return hurt >= MOST

    def given_back(self, subject: Subject, repaired: str) -> float:
        """Return the mean part of what was lost that a repaired program gives back, -1 to 1; 0 where it fails."""
        metric, parts = subject.metric, []
        for seed in FRESH:
            host, mutant, after = (
                self.value(text, seed, metric, name)
                for text, name in (
                    (subject.host_text, subject.mutants[0].host.name),
                    (subject.text, subject.id),
                    (repaired, f"{subject.id} repaired"),
                )
            )
            if host is None or mutant is None or after is None:
                return 0.0
            if (lost := metric.lost(host, mutant)) > 0:
                parts.append(max(-1.0, 1 - metric.lost(host, after) / lost))
        return sum(parts) / max(1, len(parts))


class Harm:
    """Which mistakes hurt, each measured once for each version of PyTorch."""

    def __init__(self, rows: Rows, values: Values) -> None:
        self.rows, self.values = rows, values

    def is_known(self, subject: Subject) -> bool:
        """Return whether a mistake was measured and hurts."""
        return bool(self.rows.known.get(program_key(subject), {}).get("hurts"))

    def measure(self, subject: Subject, **more: Any) -> str:
        """Measure whether a mistake hurts, and return it in words. more: further parts of the row that is kept."""
        own = program_key(subject)
        if own not in self.rows.known:
            self.rows.add({"key": own, "of": subject.id, **more, "hurts": self.values.hurts(subject)})
        return {True: "hurts", False: "does not hurt", None: "fails"}[self.rows.known[own]["hurts"]]
