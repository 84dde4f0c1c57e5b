"""What `descend doctor` costs, in units of the bare window: the script's own run with its start-up."""

import json
import statistics
import sys

from side_by_side import descend, run

EXAMPLES = (
    "digits_mlp", "cancer_trainer", "digits_classifier", "diabetes_regression", "digits_by_hand", "digits_tanh",
    "digits_deep", "digits_cnn", "digits_lstm", "topics_transformer",
)  # fmt: skip


def consultation(repeats: int = 2) -> list[str]:
    """Return one row for each example: time to the diagnosis and to the verdict over the baseline run."""
    rows, firsts, verdicts = [], [], []
    for name in EXAMPLES:
        script = f"examples/{name}.py"
        pairs = []
        for _ in range(repeats):
            bare, _ = run(sys.executable, script)
            total, printed = run(*descend("doctor", "--format", "json", script))
            pairs.append((json.loads(printed)["cost"]["watched_s"] / bare, total / bare))
        first, verdict = (statistics.median(side) for side in zip(*pairs))
        firsts.append(first)
        verdicts.append(verdict)
        rows.append(f"| {name} | {bare:.1f} s | {first:.2f} | {verdict:.1f} |")
    rows.append(f"| **median** | | **{statistics.median(firsts):.2f}** | **{statistics.median(verdicts):.1f}** |")
    return rows
