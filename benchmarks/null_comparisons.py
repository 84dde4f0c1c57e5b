"""How often `descend compare` prefers a copy of the current setting, and how often it finds a real gain.

python benchmarks/null_comparisons.py                 # all that are not measured yet
python benchmarks/null_comparisons.py --minutes 20    # start no comparison after this many minutes

In a null comparison, both choices are the script itself. Their learning rates are searched from starting values that
are drawn independently, so that both find different ones. Each comparison is stored when it ends, in
`measured/null.LABEL.jsonl`, and is not made again.
"""

import argparse
import random
import time
from collections.abc import Iterator
from math import exp, inf, log
from statistics import median, stdev
from typing import Any

import torch
from resumable import Case, Rows, key, measure_missing
from shares import share, upper_limit
from side_by_side import HERE
from small_comparisons import SmallComparison, compare, constants_choice, small_study, training_path

from descend.doctor.compare.choice import Choice, Dimension
from descend.doctor.compare.result import CompareVerdict, RankedChoice
from descend.doctor.prove.judgement import ChangeVerdict

KINDS = (
    "linear regression",
    "logistic regression",
    "table network",
    "image network",
    "sequence network",
    "factorisation",
)
TRIALS = 8  # runs of the search for each choice: the default of `descend compare`
FEW_TRIALS = 4  # runs of the search if the time is short
COMPARISONS = {TRIALS: 400, FEW_TRIALS: 100}  # runs of the search -> number of null comparisons
RATES = (1e-4, 10.0)  # limits of the searched learning rate
OWN, COPY = "the script", "a copy"
BOWL = "noisy bowl"  # the script of the comparisons with a real gain
GAINS = 100  # number of these comparisons
GAIN = 0.2  # relative decrease of the mean cost
RATE = 0.1  # learning rate of noisy_bowl.py
DIFFERENT = (ChangeVerdict.HELPS, ChangeVerdict.HARMS)


def main() -> None:
    """Make the missing comparisons, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=inf, help="start no comparison after this many minutes")
    parser.add_argument("--label", default="now", help="part of the name of the results file")
    options = parser.parse_args()
    rows = Rows(f"null.{options.label}", HERE / "measured")
    measure_all(rows, time.monotonic() + 60 * options.minutes)
    print(*null_table(rows), "", *null_table(rows, FEW_TRIALS), "", *gain_table(rows), sep="\n")


def measure_all(rows: Rows, until: float = inf) -> None:
    """Make each comparison that is not stored, in random order, and print a line for each."""
    cases = all_cases()
    random.Random(0).shuffle(cases)  # so that any part of them is a random sample
    for row in measure_missing(rows, cases, until):
        print(f"{row['number']} {row['of']}: {row['verdict']}, the copy: {row['copy']}", flush=True)


def all_cases() -> list[Case]:
    """Return all comparisons, whether they are stored or not."""
    null = [case for trials in COMPARISONS for case in null_cases(trials)]
    return null + [Case(case_key(BOWL, number), gain_comparison, (BOWL, number)) for number in range(GAINS)]


def null_cases(trials: int) -> list[Case]:
    """Return the null comparisons with this many runs of the search, of each kind of script in turn."""
    names = [KINDS[number % len(KINDS)] for number in range(COMPARISONS[trials])]
    return [Case(case_key(n, i, trials), null_comparison, (n, i, trials)) for i, n in enumerate(names)]


def case_key(name: str, number: int, trials: int = TRIALS) -> str:
    """Return the key of a comparison: a hash of what it depends on, besides the version of descend."""
    return key(training_path(name).read_text(encoding="utf-8"), number, trials, torch.__version__)


def null_comparison(name: str, number: int, trials: int = TRIALS) -> dict[str, Any]:
    """Compare a script with a copy of itself. number: also determines the starting values and the seeds."""
    draws = random.Random(number)
    choices = [searched_choice(label, draws, keeps=label == OWN) for label in (OWN, COPY)]
    with small_study(name, seed=1000 * number) as (study, metric):
        return {"of": name, "number": number, "trials": trials, **summary(compare(study, metric, choices, trials))}


def searched_choice(label: str, draws: random.Random, *, keeps: bool) -> Choice:
    """Return the script with a searched learning rate, from a starting value that is drawn log-uniformly."""
    start = exp(draws.uniform(*map(log, RATES)))
    return constants_choice(label, [Dimension("LR", *RATES)], [{"LR": float(f"{start:.2g}")}], keeps_optimizer=keeps)


def gain_comparison(name: str, number: int) -> dict[str, Any]:
    """Compare a script with one whose cost is lower by `GAIN` on average, and whose noise is independent."""
    ratio = (1 - GAIN) * RATE / (2 - RATE)
    better = constants_choice(COPY, constants={"LR": 2 * ratio / (1 + ratio), "SKIPPED": 1})
    own = constants_choice(OWN, constants={"SKIPPED": 2}, keeps_optimizer=True)
    with small_study(name, seed=1000 * number) as (study, metric):
        return {"of": name, "number": number, **summary(compare(study, metric, [own, better], TRIALS))}


def summary(compared: SmallComparison) -> dict[str, Any]:
    """Return what is stored of a comparison."""
    own, copy = (compared.row_of(label) for label in (OWN, COPY))
    return {
        "verdict": compared.verdict,
        "winner": compared.winner.label if compared.winner else "",
        "copy": copy.result.verdict if copy.result else copy.tuned.reason,
        "tied": OWN in copy.ties,
        "rates": [row.tuned.best.values.get("LR") if row.tuned.best else None for row in (own, copy)],
        "spread": _spread(own),
        "seeds": len(copy.result.seeds) if copy.result else 0,
        "steps": [row.tuned.steps for row in (own, copy)],
    }


def _spread(row: RankedChoice) -> float | None:
    """Return the standard deviation of the logarithm of a choice's cost over the seeds."""
    costs = [run.cost for run in row.result.after] if row.result else []
    return stdev(map(log, costs)) if len(costs) > 1 and all(0 < cost < inf for cost in costs) else None


def null_table(rows: Rows, trials: int = TRIALS) -> Iterator[str]:
    """Yield a table with a row for each kind of script. trials: number of runs of the search for each choice."""
    yield "| script | comparisons | prefers the copy | calls both different | upper limit of preferring it | spread |"
    yield "|---" * 6 + "|"
    everything = [rows.known[case.key] for case in null_cases(trials) if case.key in rows.known]
    for name in KINDS:
        if made := [row for row in everything if row["of"] == name]:
            yield _null_row(name, made)
    if everything:
        yield _null_row("all", everything)


def _null_row(name: str, made: list[dict[str, Any]]) -> str:
    """Return one row of the table of null comparisons."""
    preferred = sum(row["verdict"] == CompareVerdict.SWITCH for row in made)
    different = sum(not row["tied"] and row["copy"] != ChangeVerdict.NO_EFFECT for row in made)
    spreads = [row["spread"] for row in made if row["spread"] is not None]
    spread = f"{100 * median(spreads):.0f} %" if spreads else "unknown"
    limit = f"{100 * upper_limit(preferred, len(made)):.1f} %"
    counts = f"{share(preferred, len(made))} | {share(different, len(made))}"
    return f"| {name} | {len(made)} | {counts} | {limit} | {spread} |"


def gain_table(rows: Rows) -> Iterator[str]:
    """Yield a table of the comparisons with a real gain."""
    made = [row for number in range(GAINS) if (row := rows.known.get(case_key(BOWL, number)))]
    yield "| a gain of | comparisons | found | the opposite | spread |"
    yield "|---" * 5 + "|"
    found = sum(row["verdict"] == CompareVerdict.SWITCH for row in made)
    opposite = sum(row["copy"] == ChangeVerdict.HARMS for row in made)
    spreads = [row["spread"] for row in made if row["spread"] is not None]
    spread = f"{100 * median(spreads):.0f} %" if spreads else "unknown"
    counts = f"{share(found, len(made))} | {share(opposite, len(made))}"
    yield f"| {100 * GAIN:.0f} % | {len(made)} | {counts} | {spread} |"


if __name__ == "__main__":
    main()
