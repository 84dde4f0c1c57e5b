"""What `descend watch` costs a training loop: its own seconds, watched against unwatched."""

import re
import sys
from collections.abc import Iterator

from measure import HERE, descend, paired, run

# steps that take some five seconds with one thread: of about 1 ms to 1 s each
LOOPS = {
    "gan": 5000,
    "mlp": 4000,
    "accumulated": 1600,
    "wide": 500,
    "lstm": 300,
    "transformer": 200,
    "cnn": 160,
    "lbfgs": 70,
    "huge": 6,
}
VICTIM = str(HERE / "victims" / "loops.py")


def loop_seconds(command: list[str]) -> tuple[float, str]:
    """Return the seconds that the victim measured for its own loop, and its last loss."""
    _, printed = run(*command)
    found = re.search(r"loop ([\d.]+) loss ([-+.\w]+)", printed)
    assert found, printed
    return float(found[1]), found[2]


def overhead(pairs: int = 3) -> Iterator[str]:
    """Yield one table row for each loop."""
    for name, steps in LOOPS.items():
        plain = [sys.executable, VICTIM, name, str(steps)]
        watched = descend("watch", VICTIM, name, str(steps))
        same = loop_seconds(plain)[1] == loop_seconds(watched)[1]
        ratio = paired(lambda c=watched: loop_seconds(c)[0], lambda c=plain: loop_seconds(c)[0], pairs)
        millis = loop_seconds(plain)[0] / steps * 1000
        yield f"| {name} | {millis:.1f} | {steps} | {ratio} | {'yes' if same else 'NO'} |"
