"""What others that look into a training cost, compared with `descend watch`, on one loop that all can run.

They are not installed with us: `DESCEND_PEERS=/some/venv/bin/python python benchmarks/run.py watch`, where that
interpreter has cockpit-for-pytorch (Schneider et al. 2021) and traincheck (Jiang et al. 2025).
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from overhead import compared
from side_by_side import HERE, descend

VICTIM, WITH_COCKPIT = (str(HERE / "victims" / name) for name in ("for_all.py", "with_cockpit.py"))
PEERS = "DESCEND_PEERS"
PAIRS = 2
# tool, what it was set to, how many steps: dear ones take fewer
ROWS: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("descend watch", (), 1000),
    ("Cockpit", ("economy", "100"), 200),
    ("Cockpit", ("economy", "10"), 30),
    ("Cockpit", ("full", "10"), 20),
    ("TrainCheck", ("--sampling-interval", "100"), 200),
    ("TrainCheck", ("--sampling-interval", "10"), 60),
    ("TrainCheck", ("--sampling-interval", "1"), 20),
)


def peers(python: str) -> Iterator[str]:
    """Yield one table row for each tool and setting."""
    for row in ROWS:
        yield _row(python, *row)


def _row(python: str, tool: str, setting: tuple[str, ...], steps: int) -> str:
    path = f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"
    under = ["env", f"STEPS={steps}", *([] if tool == "descend watch" else [f"PATH={path}"])]
    plain = [*under, sys.executable if tool == "descend watch" else python, VICTIM]
    command = [*under, *_command(python, tool, setting)]
    ratio, seconds, same = compared(command, plain, PAIRS)
    return f"| {', '.join((tool, *setting))} | {seconds / steps * 1000:.1f} | {steps} | {ratio} | {same} |"


def _command(python: str, tool: str, setting: tuple[str, ...]) -> list[str]:
    if tool == "descend watch":
        return descend("watch", VICTIM)
    if tool == "Cockpit":
        return [python, WITH_COCKPIT, *setting]
    collect = Path(python).with_name("traincheck-collect")
    options = f"-p {{store}}/for_all.py --models-to-track model --output-dir {{store}}/out {' '.join(setting)}"
    return ["sh", "-c", f"cp {VICTIM} {{store}} && {collect} {options}"]  # it writes next to the script
