"""The scripts of the clinic and their variants.

A line `hidden = 64  # clinic: 64 | 24 | 200` may read 24 or 200 instead of 64. A variant is one choice for each such
line. The variants are drawn at random, apart for the half that thresholds are tuned on and the half that is kept out.
"""

import random
import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CHOICE = re.compile(r"\s*# clinic: (.*)$")
DOCSTRING = re.compile(r'\A""".*?"""\n', re.DOTALL)
HALVES = ("tuning", "kept_out")


@dataclass(frozen=True)
class Patient:
    """One script of the clinic."""

    path: Path
    title: str
    faults: tuple[str, ...]  # ids that are right as a first finding; none where it is healthy
    curable: bool
    by_hand: bool  # whether the fix depends on what the data mean, or on code that no remedy can know
    looks_like: str = ""  # problems that a healthy script seems to have, and why it has none of them

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.stem

    def variant(self, half: str, number: int, drawn: int) -> str:
        """Return the text of a variant, without what the clinic has written into it. `drawn`: the draw's own seed."""
        lines = self.path.read_text().splitlines()
        generator = random.Random(f"{self.name} {drawn}")
        order = list(range(_count(lines)))
        generator.shuffle(order)
        mine = order[HALVES.index(half) :: len(HALVES)]
        choice = mine[number % len(mine)] if mine else 0
        text = "\n".join(_chosen(lines, choice)) + "\n"
        return DOCSTRING.sub(f'"""{self.title}"""\n', text, count=1)


def _count(lines: list[str]) -> int:
    count = 1
    for line in lines:
        if found := CHOICE.search(line):
            count *= len(found[1].split(" | "))
    return count


def _chosen(lines: list[str], choice: int) -> list[str]:
    chosen = []
    for line in lines:
        found = CHOICE.search(line)
        if found:
            options = [option.strip() for option in found[1].split(" | ")]
            choice, index = divmod(choice, len(options))
            line = line[: found.start()].replace(options[0], options[index], 1)
        chosen.append(line)
    return chosen


def patients(kind: str) -> list[Patient]:
    """Return the scripts of a kind, `sick`, `healthy` or `novice` (sick, without variants), by name."""
    return [_read(path) for path in sorted((HERE / kind).glob("*.py"))]


def _read(path: Path) -> Patient:
    text = path.read_text()
    fault = re.search(r"^Fault: (.*)$", text, re.MULTILINE)
    fix = re.search(r"^Fix: (.*)$", text, re.MULTILINE)
    if fault is None:
        raise ValueError(f"{path} does not say what its fault is")
    faults = () if fault[1].strip() == "none" else tuple(fault[1].strip().split(" or "))
    title = text.partition('"""')[2].partition("\n")[0].strip().strip('"')
    how = fix[1] if fix is not None else "none"
    alike = re.search(r"^Looks like: (.*)$", text, re.MULTILINE)
    is_curable = bool(faults) and not how.startswith("none")
    return Patient(path, title, faults, is_curable, how.startswith("by hand"), alike[1] if alike is not None else "")
