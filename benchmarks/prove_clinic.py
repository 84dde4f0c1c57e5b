"""`descend prove` on changes of the clinic's programs whose effect is known.

python benchmarks/prove_clinic.py                             # all that are not measured yet
python benchmarks/prove_clinic.py --sample 40 --seed 1        # some of each kind, drawn at random
python benchmarks/prove_clinic.py --table                     # only print what is known so far

Each case is stored when it ends, in `clinic/measured/prove.LABEL.jsonl`, and is not measured again.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path
from typing import Any

import torch
from resumable import Case, Rows, key, measure_missing
from shares import share
from side_by_side import ENVIRONMENT, ROOT

sys.path.append(str(ROOT / "clinic"))

from known_changes import HARMS, HELPS, KINDS, SAME, KnownChange, known_changes

SEEDS = 5  # the default of `descend prove`
MOST_S = 1800.0
NO_ANSWER = ("undecided", "not_comparable", "")
# wrong verdicts, the worst first: the user applies a harmful change, or gives up a gain
WORST = (
    ("planted mistake", HELPS),
    ("fix", HARMS),
    ("planted mistake", SAME),
    ("fix", SAME),
    ("edit without effect", HELPS | HARMS),
)
OUTCOMES = ("right", "no answer", "wrong")


def main() -> None:
    """Measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=KINDS, action="append", help="only changes of this kind")
    parser.add_argument("--only", nargs="+", help="names of programs")
    parser.add_argument("--sample", type=int, help="number of changes of each kind, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample")
    parser.add_argument("--label", default="now", help="part of the name of the results file")
    parser.add_argument("--table", action="store_true", help="only print the stored results")
    options = parser.parse_args()
    changes = sample_changes(known_changes(*options.kind or ()), options.sample, options.seed)
    changes = [change for change in changes if not options.only or change.program.stem in options.only]
    rows = Rows(f"prove.{options.label}")
    if not options.table:
        measure_all(changes, rows)
    print(*table(changes, rows), sep="\n")


def sample_changes(changes: Sequence[KnownChange], count: int | None, seed: int) -> list[KnownChange]:
    """Return `count` random changes of each kind, alternating between the kinds; for None, all in the given order."""
    if count is None:
        return list(changes)
    generator = random.Random(seed)
    drawn = []
    for kind in KINDS:
        some = [change for change in changes if change.kind == kind]
        drawn.append(generator.sample(some, min(count, len(some))))
    return [some[k] for k in range(count) for some in drawn if k < len(some)]


def measure_all(changes: Sequence[KnownChange], rows: Rows, until: float = inf) -> None:
    """Run `descend prove` on each change without a stored result, and print a line for each.

    until: time of `time.monotonic` after which nothing new begins.
    """
    by_key = {case_key(change): change for change in changes}
    cases = [Case(key, verdict_on, (change,)) for key, change in by_key.items()]
    for row in measure_missing(rows, cases, until):
        answer = row["verdict"] or row["trouble"]
        print(f"{outcome(by_key[row['key']], row)}: {row['of']}: {answer}", flush=True)


def case_key(change: KnownChange) -> str:
    """Return the key of the result of a change: a hash of what it depends on, besides the version of descend."""
    return key(change.kind, change.program.read_text(encoding="utf-8"), change.text, SEEDS, torch.__version__)


def verdict_on(change: KnownChange) -> dict[str, Any]:
    """Return the verdict of `descend prove` on a change, as a user gets it, with the values from which it follows."""
    named = {"of": change.id, "kind": change.kind}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, change.program.name)
        script.write_bytes(change.program.read_bytes())
        other = Path(folder, "change.diff" if change.is_patch else "changed.py")
        other.write_text(change.text, encoding="utf-8")
        command = [sys.executable, "-m", "descend", "prove", "--format", "json", "--seeds", str(SEEDS)]
        command += ["--jobs", "1", "--patch" if change.is_patch else "--with", other.name, script.name]
        try:
            done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=MOST_S)
        except subprocess.TimeoutExpired:
            return {**named, "verdict": "", "trouble": f"no answer in {MOST_S:.0f} s"}
    try:
        case = json.loads(done.stdout)
        [result] = case["changes"]
    except ValueError:  # no JSON, or no change was compared
        return {**named, "verdict": "", "trouble": (done.stderr.strip().splitlines() or ["no output"])[-1]}
    return {
        **named,
        "verdict": result["verdict"],
        "trouble": "",
        "reason": result["reason"],
        "difference": result["relative_difference"],
        "before": [run["value"] for run in result["before"]],
        "after": [run["value"] for run in result["after"]],
        "metric": case["metric"] and case["metric"]["name"],
        "deterministic": case["deterministic"],
        "runs": case["cost"]["runs"],
        "total_s": case["cost"]["total_s"],
        "version": _version(),
    }


def outcome(change: KnownChange, row: dict[str, Any]) -> str:
    """Return whether a verdict is right, wrong, or no answer."""
    if row["verdict"] in change.right:
        return "right"
    return "no answer" if row["verdict"] in NO_ANSWER else "wrong"


def table(changes: Sequence[KnownChange], rows: Rows) -> Iterator[str]:
    """Yield a table of all measured changes, and each one whose verdict is not right."""
    known = [(change, rows.known[case_key(change)]) for change in changes if case_key(change) in rows.known]
    yield "| change | right | no answer | wrong |"
    yield "|---|---|---|---|"
    for kind in KINDS:
        outcomes = [outcome(change, row) for change, row in known if change.kind == kind]
        yield f"| {kind} | " + " | ".join(share(outcomes.count(name), len(outcomes)) for name in OUTCOMES) + " |"
    yield ""
    for change, row in sorted((case for case in known if outcome(*case) != "right"), key=_severity):
        yield f"- {outcome(change, row)}: {change.id}: {verdict_text(row)}"


def verdict_text(row: dict[str, Any]) -> str:
    """Return a verdict with its interval and its metric, or with the reason for having no verdict."""
    if not row["verdict"]:
        return str(row["trouble"])
    if None in (row["difference"] or [None]):
        return f"{row['verdict']}: {row['reason']}"
    low, high = (100 * end for end in row["difference"])
    return f"{row['verdict']}: {row['metric']}, cost {low:+.3g} % to {high:+.3g} % in {len(row['after'])} pairs"


def _severity(case: tuple[KnownChange, dict[str, Any]]) -> tuple[int, int, str]:
    """Return a sort key that is smaller for a worse outcome."""
    change, row = case
    worst = [k for k, (kind, verdicts) in enumerate(WORST) if change.kind == kind and row["verdict"] in verdicts]
    return OUTCOMES[::-1].index(outcome(change, row)), min(worst, default=len(WORST)), change.id


def _version() -> str:
    """Return the hash of the sources of descend, with a mark if they have changes that are not committed."""
    changed = "+" if _git("status", "--porcelain", "src/descend") else ""
    return _git("rev-parse", "--short=12", "HEAD:src/descend") + changed


def _git(*words: str) -> str:
    """Return the output of a git command."""
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
