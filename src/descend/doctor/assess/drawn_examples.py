"""Examples that are left out: by an exhausted iterator, a sampler or a random index that draws few of them."""

from math import exp, sqrt

from descend.core.bound import Bound, Count
from descend.doctor.record import Record, facts

COVERAGE = "Feller 1968, §IV.2: n draws with replacement from N examples draw about N (1 − exp(−n/N)) different ones"
EMPTY = Count(2, "loops without a batch", "chosen: code that looks for the end of the data may ask twice")
FEW = Bound(
    0.25,
    "different examples that were drawn / those that a uniform sampler draws",
    "chosen: a sampler that draws each of two classes equally often, one of them with 1 % of the examples, has 0.6",
)
RARE = Bound(
    4.0,
    "standard deviations of the number of repeated rows",
    "chosen: by chance, so many more repetitions are drawn in fewer than one of 10,000 runs",
)

SHORT = Bound(
    2.0,
    "entries of an array / length of the data set",
    "chosen: windows of a series need some entries more than there are windows",
)

Drawn = tuple[str, facts.DrawnExamples]  # the number of a loader, and what it has drawn


def find_exhausted_iterator(record: Record) -> Drawn | None:
    """Return the first loader over whose exhausted iterator the script loops; None without one."""
    every = record.every(facts.DrawnExamples)
    return next(((key, drawn) for key, drawn in every.items() if drawn.empty >= EMPTY), None)


def find_partial_sampler(record: Record) -> Drawn | None:
    """Return the first loader that draws far fewer different examples than a uniform sampler; None without one."""
    every = record.every(facts.DrawnExamples)
    return next(((key, drawn) for key, drawn in every.items() if _is_partial(drawn)), None)


def find_short_length(record: Record) -> tuple[str, facts.ShortLength] | None:
    """Return the first loader whose data set is far shorter than the array that it returns by entry; None without."""
    every = record.every(facts.ShortLength)
    return next(((key, found) for key, found in every.items() if found.entries >= SHORT * found.length), None)


def uniform_count(drawn: facts.DrawnExamples) -> float:
    """Return how many different examples a uniform sampler draws in as many draws."""
    return _distinct_count(drawn.draws, drawn.promised)


def _distinct_count(draws: float, rows: float) -> float:
    """Return how many different rows are expected in a number of uniform draws from so many rows."""
    return rows * (1 - exp(-draws / rows)) if rows else 0.0


def _is_partial(drawn: facts.DrawnExamples) -> bool:
    """Return whether far fewer different examples were drawn than a uniform sampler draws."""
    return drawn.draws >= drawn.examples and drawn.distinct < FEW * uniform_count(drawn)


def find_partial_index(record: Record) -> facts.DrawnRows | None:
    """Return the rows that batches take by a random index, if it reaches less than a quarter of all rows; else None.

    If an index reaches R rows, n draws have about n − R (1 − exp(−n/R)) repetitions. The number of repetitions must be
    clearly larger than for a quarter of the rows.
    """
    found = record.fact(facts.DrawnRows)
    if found is None:
        return None
    repeated = found.draws - found.distinct
    expected = found.draws - _distinct_count(found.draws, FEW * found.of)
    return found if repeated > expected + RARE * sqrt(expected + 1) else None
