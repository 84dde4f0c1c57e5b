"""What `descend watch` costs a training loop: its own seconds, watched against unwatched."""

import re
import statistics
import sys
from collections.abc import Iterator

from side_by_side import HERE, Ratio, descend, paired, run

# Number of steps: about five seconds with one thread, up to a minute for the most calls. A step takes 1 ms to 1 s.
LOOPS = {
    "gan": 30000,
    "mlp": 8000,
    "accumulated": 30000,
    "wide": 500,
    "lstm": 3000,
    "transformer": 400,
    "cnn": 500,
    "lbfgs": 200,
    "functional": 6000,
    "huge": 6,
}
VICTIM = str(HERE / "victims" / "loops.py")


def loop_seconds(command: list[str]) -> tuple[float, str]:
    """Return the seconds that the victim measured for its own loop, and its last loss."""
    _, printed = run(*command)
    found = re.search(r"loop ([\d.]+) loss ([-+.\w]+)", printed)
    assert found, printed
    return float(found[1]), found[2]


def overhead(pairs: int = 5) -> Iterator[str]:
    """Yield one table row for each loop."""
    for name, steps in LOOPS.items():
        plain = [sys.executable, VICTIM, name, str(steps)]
        watched = descend("watch", VICTIM, name, str(steps))
        ratio, seconds, same = compared(watched, plain, pairs)
        yield f"| {name} | {seconds / steps * 1000:.1f} | {steps} | {ratio} | {same} |"


def compared(watched: list[str], plain: list[str], pairs: int) -> tuple[Ratio, float, str]:
    """Return the ratio of two commands' loops, the median seconds of the second one's, and whether all losses agree."""
    took: dict[bool, list[float]] = {True: [], False: []}
    losses = set()

    def timed(is_watched: bool) -> float:
        seconds, loss = loop_seconds(watched if is_watched else plain)
        took[is_watched].append(seconds)
        losses.add(loss)
        return seconds

    ratio = paired(lambda: timed(True), lambda: timed(False), pairs)
    return ratio, statistics.median(took[False]), "yes" if len(losses) == 1 else "NO"
