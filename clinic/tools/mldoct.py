"""mldoct, as the exam calls it: `python clinic/tools/mldoct.py SCRIPT` prints findings and patch as JSON.

All three commands of its documentation are used:

1. `mldoctor check` reads the script. CRITICAL and ERROR are `findings`, WARNING and INFO are `suspicions`, with lines.
   What `--fix` writes is the patch.
2. `mldoctor watch` runs the script and reads what it prints. Its CRITICAL alerts are `findings`.
3. `mldoctor diagnose` classifies a table of losses and gradient norms. The script writes no such table. So it runs once
   more, and PyTorch records the loss and the gradient norm of each step (`watched_run.py`). The table has 20 rows, each
   the mean of as many steps, of the optimizer with the most steps. The losses of validation are those of training,
   because a program's own validation is not known. A diagnosis other than "healthy" is a finding, after those of 1
   and 2, because it has no severity. The insights in words are `suspicions`.
"""

import csv
import difflib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

CLINIC = str(Path(__file__).parents[1])
if __name__ == "__main__":
    sys.path[0] = CLINIC

from watched_run import Tool, Trained, WatchedRun  # noqa: E402

CLAIMS = ("CRITICAL", "ERROR")
ALERTS = {  # of `watch`: its words, our name for them, and whether it calls them critical
    "CRITICAL INSTABILITY DETECTED": ("instability", True),
    "CRITICAL VRAM LEAK DETECTED": ("vram_leak", True),
    "WARNING: Loss value exploded": ("loss_divergence", False),
    "SMART EARLY STOPPING TRIGGERED": ("plateau", False),
}
INSIGHT = re.compile(r"\*\*(.+?):\*\*")
STABLE = "Gradient Health"  # the insight that nothing is wrong
HEALTHY = "healthy"
ROWS = 20
WATCH_S = 300.0
Step = tuple[float, float]  # the loss and the gradient norm


class Log(Tool):
    """The losses and gradient norms of each optimizer."""

    def __init__(self) -> None:
        self.steps: dict[int, list[Step]] = {}  # by the optimizer's id

    def step(self, trained: Trained, proceed: Callable[[], Any], loss: float | None) -> None:
        """Record a step."""
        proceed()
        groups = trained.optimizer.param_groups
        norms = [float(p.grad.norm()) for group in groups for p in group["params"] if p.grad is not None]
        if loss is not None:
            norm = sum(each**2 for each in norms) ** 0.5
            self.steps.setdefault(id(trained.optimizer), []).append((loss, norm))


def table(steps: Sequence[Step]) -> list[dict[str, float]]:
    """Return the rows for `diagnose`: the means of as many steps each."""
    count = min(ROWS, len(steps))
    rows: list[dict[str, float]] = []
    for k in range(count):
        some = steps[k * len(steps) // count : (k + 1) * len(steps) // count]
        loss, norm = (sum(column) / len(some) for column in zip(*some))
        rows.append({"epoch": k + 1, "train_loss": loss, "val_loss": loss, "grad_norm": norm})
    return rows


def diagnosis(steps: Sequence[Step]) -> dict[str, Any]:
    """Return what `diagnose` says of the steps of a run."""
    from mldoctor.advisor import diagnose_csv

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log.csv")
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ("epoch", "train_loss", "val_loss", "grad_norm"))
            writer.writeheader()
            writer.writerows(table(steps))
        result: dict[str, Any] = diagnose_csv(str(path))
    return result


def checked(script: Path) -> tuple[list[dict[str, Any]], str | None]:
    """Return what `check` finds, and what `check --fix` changes as a unified diff, or None."""
    from mldoctor.linter import auto_fix_script, lint_script

    issues, visitor = lint_script(str(script))
    if visitor is None:
        return issues, None
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copy(script, folder))
        auto_fix_script(str(copy), visitor)
        before, after = (path.read_text().splitlines(keepends=True) for path in (script, copy))
        return issues, "".join(difflib.unified_diff(before, after, script.name, script.name)) or None


def alerts(printed: str) -> list[str]:
    """Return the words of the alerts that `watch` has printed."""
    return [words for words in ALERTS if words in printed]


def watched(script: Path) -> list[str]:
    """Return the alerts of `watch`."""
    command = [sys.executable, "-m", "mldoctor.mldoctor", "watch", script.name]
    try:
        done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, timeout=WATCH_S)
    except subprocess.TimeoutExpired:
        return []
    return alerts(done.stdout)


def answer(
    issues: Iterable[dict[str, Any]], alerted: Iterable[str], diagnosed: dict[str, Any] | None, patch: str | None
) -> dict[str, Any]:
    """Return the answer to the exam."""
    said: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for each in issues:
        sentence = f"{each['severity']} {each['message']} {each['fix']}"
        said[each["severity"] in CLAIMS].append({"name": each["type"], "line": each["line"], "says": sentence})
    for words in alerted:
        name, is_claim = ALERTS[words]
        said[is_claim].append({"name": name, "line": None, "says": words})
    if diagnosed is not None:
        sentence = f"{diagnosed['title']} ({diagnosed['confidence']:.0f}%): {diagnosed['desc']} {diagnosed['action']}"
        if diagnosed["label"] != HEALTHY:
            said[True].append({"name": str(diagnosed["label"]), "line": None, "says": sentence})
        for insight in diagnosed["insights"]:
            title = found[1] if (found := INSIGHT.match(insight)) else insight
            if title != STABLE:
                said[False].append({"name": title.lower().replace(" ", "_"), "line": None, "says": insight})
    return {"findings": said[True], "suspicions": said[False], "patch": patch}


def main() -> None:
    """Use the three commands on the script and print what they say."""
    script = Path(sys.argv[1]).resolve()
    issues, patch = checked(script)
    alerted = watched(script)
    log = Log()
    WatchedRun(log).run(script)
    steps = max(log.steps.values(), key=len, default=[])
    print(json.dumps(answer(issues, alerted, diagnosis(steps) if steps else None, patch)))


if __name__ == "__main__":
    main()
