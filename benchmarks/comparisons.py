"""Write the page on `descend prove` and `descend compare`; each section can be measured separately.

python benchmarks/comparisons.py "equal choices" --minutes 30    # begin nothing new after so many minutes

What was measured is stored, so a later run measures only the rest.
"""

import argparse
import random
import time
from collections.abc import Callable
from functools import partial
from math import inf

from resumable import Rows
from side_by_side import HERE, fill_section

PAGE = HERE / "COMPARE.md"
HEAD = """# Comparing changes and settings

`python benchmarks/run.py NAME` measures one section. Stored results are not measured again.
Shares have exact 95 % intervals (Clopper & Pearson 1934).
"""
Write = Callable[..., None]
ORDER = 0  # seed of the random order in which changes are measured, so that any part of them is a random sample


def measure_prove(until: float, write: Write) -> None:
    """Run `descend prove` on changes of the clinic's programs whose effect is known."""
    from known_changes import KINDS, known_changes
    from prove_clinic import case_key, measure_all, table

    changes, rows = known_changes(), Rows("prove.now")
    random.Random(ORDER).shuffle(changes)
    measure_all(changes, rows, until)
    kinds = {kind: [case_key(change) in rows.known for change in changes if change.kind == kind] for kind in KINDS}
    made = ", ".join(f"{sum(of_kind)} of {len(of_kind)} ({kind})" for kind, of_kind in kinds.items())
    write(
        f"Measured so far: {made}.",
        "Right: a fix helps, an edit without effect has no effect or is equivalent, a planted mistake harms or fails.",
        "No answer: undecided or not comparable. Changes whose verdicts led to repairs are measured again after them.",
        "A fix that changes the task, and a mistake in the evaluation alone, are not comparable by design.",
        "",
        *table(changes, rows),
        "",
    )


def measure_equal_choices(until: float, write: Write) -> None:
    """Compare scripts with copies of themselves, and with a script that is better by a known factor."""
    from null_comparisons import FEW_TRIALS, TRIALS, all_cases, gain_table, measure_all, null_table

    rows = Rows("null.now", HERE / "measured")
    measure_all(rows, until)
    cases = all_cases()
    made = sum(case.key in rows.known for case in cases)
    write(
        f"{made} of {len(cases)} comparisons, drawn at random, are measured so far.",
        "A copy of the script competes with the script. Both learning rates are searched, from starting values that",
        "are drawn independently. The spread is the relative standard deviation of the cost over the seeds. The upper",
        f"limit is the one-sided one (95 %). With {TRIALS} runs of the search for each choice, the default:",
        "",
        *null_table(rows),
        "",
        f"With {FEW_TRIALS} runs of the search, as if the time were short:",
        "",
        *null_table(rows, FEW_TRIALS),
        "",
        "The second script has a cost that is lower on average, and independent noise.",
        "",
        *gain_table(rows),
        "",
    )


def measure_known_optima(until: float, write: Write) -> None:
    """Search settings of quadratics and of convex problems."""
    from known_optima import convex_problems, quadratics

    write("The best settings are those of Polyak 1964. A step of the grid is half a decade.", "")
    write(*quadratics(), "")
    write("The lowest value that each optimizer reaches with its tuned learning rate, less SciPy's optimum:", "")
    write(*convex_problems(), "")


def measure_workloads(until: float, write: Write) -> None:
    """Compare optimizers on six workloads, and judge the recommendations on fresh seeds."""
    from workload_table import JUDGES, LEVEL, OPTIMIZERS, TRIALS, budgets, costs, measure_all, profile, recommendations

    rows = Rows("workloads.now", HERE / "measured")
    measure_all(rows, until)
    write(
        f"Optimizers: {', '.join(OPTIMIZERS)}. `descend compare` tunes the learning rate of each with {TRIALS} runs.",
        "The plain search is one Optuna study of the optimizer and its learning rate, with default settings, as many",
        "runs and one seed. Its best run is its recommendation.",
        f"Both recommendations run on {len(JUDGES)} fresh seeds. The last column is by a paired t-test at level",
        f"{LEVEL}.",
        "",
        *recommendations(rows),
        "",
        "Performance profile of the comparisons: on how many workloads the median number of steps",
        "to the final metric of the unchanged script is at most so many times that of the fastest optimizer.",
        "",
        *profile(rows),
        "",
        "What the comparisons cost, over as many steps under plain Python. The first run, the start of each run and",
        "the timed runs are in the time, not in the steps.",
        "",
        *costs(rows),
        "",
        "The same comparisons with `--budget`, which is shorter than they take without:",
        "",
        *budgets(rows),
        "",
    )


SECTIONS: dict[str, Callable[[float, Write], None]] = {
    "prove": measure_prove,
    "equal choices": measure_equal_choices,
    "known optima": measure_known_optima,
    "workloads": measure_workloads,
}


def measure(name: str, minutes: float = inf) -> None:
    """Measure one section, and replace it in the page. minutes: after these, nothing new begins."""
    fill_section(PAGE, HEAD, name, partial(SECTIONS[name], time.monotonic() + 60 * minutes))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=SECTIONS, help="sections to measure")
    parser.add_argument("--minutes", type=float, default=inf, help="for each section")
    options = parser.parse_args()
    for section in options.names:
        measure(section, options.minutes)
