"""Find the parts of a change that its gain needs: leave out one part after another while the cost stays as good."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from statistics import fmean

from descend.core.bound import Count
from descend.core.errors import UsageError
from descend.doctor.prove.result import ChangedScript
from descend.doctor.script.script import Script, split_lines

MOST_PARTS = Count(16, "parts", "chosen: the number of runs grows with the square of the number of parts")

# Returns the cost of each script as the mean over a few seeds; infinity if a script fails or cannot be compared.
MeanCosts = Callable[[Sequence[Script]], list[float]]


@dataclass(frozen=True)
class Part:
    """A part of a change: consecutive lines of one file that are replaced. Lines are counted from 0."""

    file: Path
    start: int  # first replaced line of the unchanged file
    end: int  # line after the last replaced one
    text: str  # text of the lines that replace them


def parts_of(unchanged: Script, changed: Script) -> tuple[Part, ...]:
    """Return the parts of a change in the order of files and lines. Created files count as one part each."""
    found: list[Part] = []
    for file in sorted(changed.edits):
        before = split_lines(unchanged.read(file)) if unchanged.has_file(file) else []
        after = split_lines(changed.read(file))
        for tag, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
            if tag == "replace" and j - i == m - k:  # Each line is a part, since neighbouring settings are independent.
                found += [Part(file, i + n, i + n + 1, after[k + n]) for n in range(j - i)]
            elif tag != "equal":
                found.append(Part(file, i, j, "".join(after[k:m])))
    return tuple(found)


def with_parts(unchanged: Script, parts: Sequence[Part]) -> Script:
    """Return the unchanged script with only these parts of a change."""
    script = unchanged
    for file in {part.file for part in parts}:
        lines = split_lines(unchanged.read(file)) if unchanged.has_file(file) else []
        for part in sorted((p for p in parts if p.file == file), key=lambda p: p.start, reverse=True):
            lines[part.start : part.end] = [part.text]
        script = script.edit(file, "".join(lines))
    return script


def require_few_parts(unchanged: Script, change: ChangedScript) -> None:
    """Raise `UsageError` if a change has too many parts to find out which of them are needed."""
    count = len(parts_of(unchanged, change.script))
    if count > MOST_PARTS:
        raise UsageError(
            f"{change.label} has {count} parts, and --parts can test at most {MOST_PARTS}: split the change"
        )


def needed_parts(unchanged: Script, changed: Script, mean_costs: MeanCosts, margin: float) -> tuple[Part, ...]:
    """Return the fewest parts that keep the cost of a change, up to the margin, by greedy removal.

    In each round, every part is left out once. The part without which the cost is lowest is removed for good, until
    each removal raises the cost by more than the margin.
    """
    kept = parts_of(unchanged, changed)
    if len(kept) < 2:
        return kept
    limit = mean_costs([changed])[0] * (1 + margin)
    while len(kept) > 1:
        fewer = [tuple(part for part in kept if part is not omitted) for omitted in kept]
        costs = mean_costs([with_parts(unchanged, parts) for parts in fewer])
        best = min(range(len(fewer)), key=costs.__getitem__)
        if not costs[best] <= limit:
            break
        kept = fewer[best]
    return kept


def mean_or_infinity(costs: Sequence[float]) -> float:
    """Return the mean of costs; infinity if one of them is NaN."""
    return fmean(costs) if costs and all(cost == cost for cost in costs) else float("inf")
