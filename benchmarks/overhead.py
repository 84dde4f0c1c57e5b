"""What `descend watch` costs a training loop: its own seconds, watched against unwatched."""

import re
import sys

from measure import HERE, descend, paired, run

# width, steps: about 1, 10 and 100 ms a step with one thread
LOOPS = {"1 ms": (224, 4000), "10 ms": (1024, 600), "100 ms": (2900, 80)}
VICTIM = str(HERE / "victims" / "mlp.py")


def loop_seconds(command: list[str]) -> tuple[float, str]:
    """Return the seconds that the victim measured for its own loop, and its last loss."""
    _, printed = run(*command)
    found = re.search(r"loop (\S+) loss (\S+)", printed)
    assert found, printed
    return float(found[1]), found[2]


def overhead(pairs: int = 7) -> list[str]:
    """Return one table row for each length of step."""
    rows = []
    for name, (width, steps) in LOOPS.items():
        plain = [sys.executable, VICTIM, str(width), str(steps)]
        watched = descend("watch", VICTIM, str(width), str(steps))
        same = loop_seconds(plain)[1] == loop_seconds(watched)[1]
        ratio = paired(lambda c=watched: loop_seconds(c)[0], lambda c=plain: loop_seconds(c)[0], pairs)
        millis = loop_seconds(plain)[0] / steps * 1000
        rows.append(f"| {name} ({millis:.1f} ms measured, {steps} steps) | {ratio} | {'yes' if same else 'NO'} |")
    return rows
