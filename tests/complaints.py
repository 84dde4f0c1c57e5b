"""What a command complains of on standard error, without the lines that say on a slow machine how far it is."""

import re

PROGRESS = re.compile(r"descend: (baseline: |trials: |evaluating the measurements$|.* s so far$)")


def complaints(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if line and not PROGRESS.match(line)]


def one_line(stderr: str, names: str = "") -> bool:
    """Whether all that is complained of is one line of ours that `names` what is wrong."""
    match complaints(stderr):
        case [line]:
            return line.startswith("descend: ") and names in line
    return False
