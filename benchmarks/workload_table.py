"""Which optimizer trains six small workloads best: by `descend compare`, and by a plain search with Optuna.

python benchmarks/workload_table.py --minutes 60    # begin nothing new after so many minutes

Each part is stored when it ends, in `measured/workloads.now.jsonl`, and is not measured again.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from math import inf
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch
from resumable import Case, Row, Rows, key, measure_missing
from scipy.stats import ttest_rel
from side_by_side import ENVIRONMENT, HERE
from workload_runs import NAMES, costs_on_seeds, final_metric, metric_of, plain_search, text_of, with_optimizer

from descend.doctor.compare.verdict_rule import BEST_IS_CURRENT

OPTIMIZERS = ("SGD", "Momentum", "Adam", "AdamW", "RMSprop", "Lion", "Muon", "SOAP", "LAMB")
TRIALS = 8  # runs of the search for each optimizer: the default of `descend compare`
BUDGET_S = 90.0  # value of `--budget`, which is long enough for the quick workloads
QUICK = ("communities_gnn", "series_lstm", "tabular")
RATE = 1e-3  # learning rate of the timed runs
JUDGES = range(1000, 1020)  # seeds on which both recommendations are compared
LEVEL = 0.05  # a difference with a smaller p-value counts
FACTORS = (1.0, 1.25, 1.5, 2.0, 4.0)  # columns of the performance profile
COMPARED, TIMED, BUDGETED = "compared", "timed on all cores", "budgeted"
SEARCHED, JUDGED = "searched", "judged"
LABELS = {"SGD with momentum 0.9": "Momentum"}  # labels of choices that differ from the optimizer's name


def main() -> None:
    """Measure what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=inf, help="begin nothing new after this many minutes")
    options = parser.parse_args()
    rows = Rows("workloads.now", HERE / "measured")
    measure_all(rows, time.monotonic() + 60 * options.minutes)
    print(*recommendations(rows), "", *profile(rows), "", *costs(rows), "", *budgets(rows), sep="\n")


def measure_all(rows: Rows, until: float = inf) -> None:
    """Compare the optimizers on each workload, search with Optuna, and judge both recommendations on fresh seeds."""
    compared = [Case(part_key(COMPARED, name), compare_workload, (name,)) for name in NAMES]
    timed = [Case(part_key(TIMED, name), time_workload, (name,)) for name in NAMES]
    budgeted = [Case(part_key(BUDGETED, name), budget_workload, (name,)) for name in QUICK]
    _measure(rows, [*compared, *timed, *budgeted], until, processes=1)  # `descend compare` uses all cores
    _measure(rows, [Case(part_key(SEARCHED, name), search_workload, (name,)) for name in NAMES], until)
    texts = {name: found for name in NAMES if (found := recommended_texts(rows, name))}
    _measure(
        rows, [Case(judged_key(name, *both), judge_workload, (name, *both)) for name, both in texts.items()], until
    )


def _measure(rows: Rows, cases: Sequence[Case], until: float, processes: int = 0) -> None:
    """Measure the cases that are not stored, and print a line for each."""
    for row in measure_missing(rows, cases, until, processes):
        print(f"{row['part']} {row['of']} in {row['case_s']:.0f} s", flush=True)


def part_key(part: str, name: str) -> str:
    """Return the key of one part of the results of a workload: a hash of what it depends on."""
    return key(part, text_of(name), OPTIMIZERS, TRIALS, torch.__version__)


def judged_key(name: str, *texts: str) -> str:
    """Return the key of the runs that judge two changed workloads."""
    return key(JUDGED, text_of(name), *texts, JUDGES, torch.__version__)


def compare_workload(name: str) -> Row:
    """Run `descend compare` on a workload; return its verdict, the changed script, and how each optimizer did."""
    with tempfile.TemporaryDirectory() as folder:
        case, path = _comparison(name, Path(folder), "--trials", str(TRIALS), "--optimizers", ",".join(OPTIMIZERS))
        if case["patch"]:
            subprocess.run(["patch", "-s", "-p0"], cwd=folder, input=case["patch"], text=True, check=True)
        text = path.read_text(encoding="utf-8")
    return {
        "part": COMPARED,
        "of": name,
        "status": case["status"],
        "verdict": case["verdict"],
        "winner": case["winner"],
        "text": text,
        "choices": [_choice_row(choice) for choice in case["choices"]],
        "steps": case["steps"],
        "current_runs": len(case["current"]["runs"]),
        "runs": case["cost"]["runs"],
        "total_s": case["cost"]["total_s"],
    }


def _comparison(name: str, folder: Path, *options: str) -> tuple[dict[str, Any], Path]:
    """Run `descend compare` on a copy of a workload in a folder; return its results and the path of the copy."""
    path = folder / f"{name}.py"
    path.write_text(text_of(name), encoding="utf-8")
    command = [sys.executable, "-m", "descend", "compare", "--format", "json", "--metric", metric_of(name)]
    command += [*options, path.name]
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    return json.loads(done.stdout), path


def budget_workload(name: str) -> Row:
    """Run `descend compare` on a workload with a limited time; return how long the command took."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        case, _ = _comparison(name, Path(folder), "--budget", f"{BUDGET_S:.0f}s", "--optimizers", ",".join(OPTIMIZERS))
        total_s = time.perf_counter() - began
    return {"part": BUDGETED, "of": name, "status": case["status"], "runs": case["cost"]["runs"], "total_s": total_s}


def _choice_row(choice: dict[str, Any]) -> Row:
    """Return what is stored of one choice. ratios: for each seed, of its steps to the target; None if it misses it."""
    target = choice["to_target"] or {}
    return {
        "label": choice["label"],
        "value": choice["value"],
        "reason": choice["reason"],
        "lr": (choice["values"] or {}).get("lr"),
        "ratios": [*(target.get("steps_ratios") or []), *[None] * (target.get("missed") or 0)],
        "steps": choice["search_steps"] + choice["repeated_steps"] + sum(run["steps"] for run in choice["after"] or []),
    }


def time_workload(name: str) -> Row:
    """Return the seconds of a run with each optimizer, while each core makes the same run, and without the imports."""
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        seconds = list(pool.map(_run_seconds, [name] * cores))
    return {"part": TIMED, "of": name, "run_s": {each: fmean(one[each] for one in seconds) for each in OPTIMIZERS}}


def _run_seconds(name: str) -> dict[str, float]:
    """Return the seconds of a run of a workload with each optimizer."""
    text, seconds = text_of(name), dict[str, float]()
    for optimizer in OPTIMIZERS:
        for _ in range(2):  # the first run also imports and compiles
            began = time.perf_counter()
            final_metric(with_optimizer(text, optimizer, RATE), metric_of(name))
            seconds[optimizer] = time.perf_counter() - began
    return seconds


def search_workload(name: str) -> Row:
    """Search with Optuna as a user would, with as many runs as `descend compare` has for its search."""
    best = plain_search(text_of(name), metric_of(name), OPTIMIZERS, TRIALS * len(OPTIMIZERS))
    return {"part": SEARCHED, "of": name, **best}


def recommended_texts(rows: Rows, name: str) -> tuple[str, str] | None:
    """Return the workload as `descend compare` and as the plain search recommend it; None before both are known."""
    compared, searched = (rows.known.get(part_key(part, name)) for part in (COMPARED, SEARCHED))
    if compared is None or searched is None:
        return None
    return compared["text"], with_optimizer(text_of(name), searched["optimizer"], searched["lr"])


def judge_workload(name: str, *texts: str) -> Row:
    """Run the unchanged workload and two changed ones with fresh seeds; return the final costs of each."""
    costs = [costs_on_seeds(text, metric_of(name), JUDGES) for text in (text_of(name), *texts)]
    return {"part": JUDGED, "of": name, "costs": costs}


def recommendations(rows: Rows) -> Iterator[str]:
    """Yield a table of both recommendations and of their mean costs on fresh seeds."""
    yield "| workload | `descend compare` | plain search | cost: unchanged | compare | plain search | lower cost |"
    yield "|---" * 7 + "|"
    for name in NAMES:
        both = recommended_texts(rows, name)
        judged = rows.known.get(judged_key(name, *both)) if both else None
        if judged is None:
            continue
        compared, searched = (rows.known[part_key(part, name)] for part in (COMPARED, SEARCHED))
        ours = compared["winner"] or f"{compared['status']}: unchanged"
        means = " | ".join(f"{fmean(costs):.4g}" for costs in judged["costs"])
        plain = f"{searched['optimizer']}, lr {searched['lr']:.2g}"
        yield f"| {name} | {ours} | {plain} | {means} | {better_one(*judged['costs'][1:])} |"


def better_one(compared: Sequence[float], searched: Sequence[float]) -> str:
    """Return which of two scripts has the lower mean cost with the same seeds, by a paired t-test."""
    if not max(*compared, *searched) < inf:
        failed = [sum(not cost < inf for cost in costs) for costs in (compared, searched)]
        return "compare" if failed[0] < failed[1] else "plain search" if failed[1] < failed[0] else "none"
    if list(compared) == list(searched):
        return "the same script"
    test = ttest_rel(compared, searched)
    return "no clear difference" if not test.pvalue < LEVEL else "compare" if test.statistic < 0 else "plain search"


def profile(rows: Rows) -> Iterator[str]:
    """Yield the performance profile of the optimizers: how often each is almost as fast as the fastest one.

    The time is the number of steps to the final metric of the unchanged workload, its median over the seeds. A seed
    that never reaches it counts as infinitely long (Dahl et al. 2023, §4.5).
    """
    steps = {name: median_ratios(row) for name in NAMES if (row := rows.known.get(part_key(COMPARED, name)))}
    fastest = {name: min(ratios.values(), default=inf) for name, ratios in steps.items()}
    counted = [name for name in steps if fastest[name] < inf]
    yield f"| steps needed, at most × those of the fastest | {' | '.join(f'{factor:g} ×' for factor in FACTORS)} |"
    yield "|---" * (1 + len(FACTORS)) + "|"
    shares = {
        optimizer: [
            sum(steps[name].get(optimizer, inf) <= factor * fastest[name] for name in counted) for factor in FACTORS
        ]
        for optimizer in OPTIMIZERS
    }
    for optimizer, within in sorted(shares.items(), key=lambda item: [-count for count in item[1][::-1]]):
        yield f"| {optimizer} | {' | '.join(f'{count} of {len(counted)}' for count in within)} |"


def median_ratios(row: Row) -> dict[str, float]:
    """Return the median ratio of steps to the target for each optimizer by name; infinite if most seeds miss it."""
    found = {}
    for choice in row["choices"]:
        ratios = sorted(inf if ratio is None else ratio for ratio in choice["ratios"])
        if ratios or choice["reason"] == BEST_IS_CURRENT:
            label = choice["label"]
            found[LABELS.get(label, label)] = ratios[len(ratios) // 2] if ratios else 1.0
    return found


def budgets(rows: Rows) -> Iterator[str]:
    """Yield a table of how long comparisons with a limited time took."""
    yield "| workload | one run | budget | time | runs | verdict |"
    yield "|---" * 6 + "|"
    for name in NAMES:
        row, timed = (rows.known.get(part_key(part, name)) for part in (BUDGETED, TIMED))
        if row is not None and timed is not None:
            run_s, verdict = median(timed["run_s"].values()), row["status"].replace("_", " ")
            yield f"| {name} | {run_s:.2f} s | {BUDGET_S:.0f} s | {row['total_s']:.0f} s | {row['runs']} | {verdict} |"


def costs(rows: Rows) -> Iterator[str]:
    """Yield a table of how long the comparisons took, relative to the steps of the choices' runs alone."""
    yield "| workload | one run | runs | time | the steps alone, on all cores | ratio |"
    yield "|---" * 6 + "|"
    cores = len(os.sched_getaffinity(0))
    for name in NAMES:
        row, timed = (rows.known.get(part_key(part, name)) for part in (COMPARED, TIMED))
        if row is not None and timed is not None:
            seconds = timed["run_s"]
            usual = median(seconds.values())
            plain = row["current_runs"] * usual + sum(
                choice["steps"] / row["steps"] * seconds.get(LABELS.get(choice["label"], choice["label"]), usual)
                for choice in row["choices"]
            )
            times = f"{row['total_s']:.0f} s | {plain / cores:.0f} s | {row['total_s'] * cores / plain:.2f}"
            yield f"| {name} | {usual:.2f} s | {row['runs']} | {times} |"


if __name__ == "__main__":
    main()
