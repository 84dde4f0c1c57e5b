"""Measures the doctor on mutants: which of them hurt, what it makes of those, and what a random search does.

python clinic/measure.py validity                 # which mistakes hurt: once for each version of PyTorch
python clinic/measure.py doctor --label before    # every mistake that hurts through the doctor
python clinic/measure.py doctor --label before --half tuning --every 5
python clinic/measure.py search                   # eight random changes for comparison
python clinic/measure.py table --label before     # what is known of it so far
python clinic/measure.py table --half held_out --compare before   # two versions side by side

All of it goes on where it was stopped: by Ctrl-C, or after so many `--minutes`.
"""

import argparse
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mutations.consulted import consulted
from mutations.judged import Harm, Values, program_key
from mutations.pool import for_each
from mutations.random_search import searched
from mutations.rows import Rows, key
from mutations.sample import HALVES, Subject, benign, pairs, singles
from mutations.tables import comparison, table

HERE = Path(__file__).parent


class Measurement:
    """What is measured, and for how long at most."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.values = options, Values()
        self.harm = Harm(Rows("hurts"), self.values)
        self.until = time.monotonic() + 60 * options.minutes

    def validity(self) -> None:
        """Run singles, then pairs of those that hurt."""
        for half in self.options.half:
            self._each("single", list(singles(half)), self._hurts)
            self._each("pair", list(pairs(self.valid(singles(half)))), self._hurts)

    def doctor(self) -> None:
        """Consult on all that hurt, and on what changes nothing."""
        rows, version = Rows(f"doctor.{self.options.label}"), _version()
        for half in self.options.half:
            for kind, subjects in self.subjects(half).items():
                self._each(
                    kind, subjects[:: self.options.every], lambda subject: _consulted(subject, self, rows, version)
                )

    def search(self) -> None:
        """Try random changes of all that hurt."""
        rows = Rows("search")
        for half in self.options.half:
            subjects = self.subjects(half)
            for kind in ("single", "pair"):
                some = subjects[kind][:: self.options.every]
                self._each(kind, some, lambda subject: _searched(subject, self.values, rows))

    def table(self) -> None:
        """Print what is known."""
        labels = [*self.options.compare, self.options.label]
        columns, search = {label: Rows(f"doctor.{label}").by_subject for label in labels}, Rows("search").by_subject
        for half in self.options.half:
            subjects = self.subjects(half)
            print(table(half, subjects, columns[self.options.label], search))
            if self.options.compare:
                print(comparison(subjects, columns, search))

    def subjects(self, half: str) -> dict[str, list[Subject]]:
        """Return what is consulted on, by kind."""
        valid = self.valid(singles(half))
        return {"single": valid, "pair": self.valid(pairs(valid)), "benign": list(benign(half))}

    def valid(self, subjects: Iterator[Subject]) -> list[Subject]:
        """Return those that are known to hurt."""
        return list(filter(self.harm.is_known, subjects))

    def _hurts(self, subject: Subject) -> str:
        return self.harm.measure(subject, half=subject.half)

    def _each(self, kind: str, subjects: Sequence[Subject], measure: Callable[[Subject], str]) -> None:
        only = self.options.host
        subjects = [subject for subject in subjects if not only or subject.mutants[0].host.name in only]
        for_each(subjects, measure, lambda subject: f"{kind} {subject.id}", self.options.jobs, self.until)


def _consulted(subject: Subject, measurement: Measurement, rows: Rows, version: str) -> str:
    own = key(program_key(subject), version)
    row: dict[str, Any] = rows.known.get(own) or rows.add(
        {"key": own, "of": subject.id, **consulted(subject, measurement.values)}
    )
    first = next(iter(row.get("findings", [])), ["nothing", None])[0]
    return f"{row.get('trouble') or first}, given back {row.get('given_back', 0):.2f}"


def _searched(subject: Subject, values: Values, rows: Rows) -> str:
    own = program_key(subject)
    row = rows.known.get(own) or rows.add({"key": own, "of": subject.id, **searched(subject, values)})
    return f"{row['best'] or 'nothing'}, given back {row.get('given_back', 0):.2f}"


def _version() -> str:
    """Return what the doctor is made of."""
    command = ["git", "rev-parse", "HEAD:src/descend"]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Run the subcommand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("validity", "doctor", "search", "table"))
    parser.add_argument("--half", choices=HALVES, nargs="+", default=HALVES)
    parser.add_argument("--host", nargs="+", default=(), help="these alone")
    parser.add_argument("--label", default="now", help="of the doctor's column")
    parser.add_argument("--compare", nargs="+", default=(), help="other columns, of a table")
    parser.add_argument("--every", type=int, default=1, help="one of so many")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing new after so many")
    parser.add_argument("--jobs", type=int, default=2, help="so many at a time")
    options = parser.parse_args()
    getattr(Measurement(options), options.what)()


if __name__ == "__main__":
    main()
