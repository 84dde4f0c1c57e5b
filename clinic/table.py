"""The clinic's figures as a page: what was found, what was fixed, what it cost."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median

from consult import Outcome
from scipy.stats import beta

LEVEL = 0.95


def page(outcomes: Sequence[Outcome], drawn: int, machine: str) -> str:
    """Return the page in Markdown."""
    lines = [
        "# The clinic",
        "",
        f"{machine}. Variants drawn with seed {drawn}. `make clinic` writes this page.",
        "",
        "| | tuning half | half kept out |",
        "|---|---|---|",
    ]
    sick = [o for o in outcomes if o.faults]
    healthy = [o for o in outcomes if not o.faults]
    lines += [
        _row("right first finding", sick, lambda os: _share(sum(o.right for o in os), len(os))),
        _row("false alarms on healthy scripts", healthy, _alarms),
        _row(
            "repaired, and the patch reproduced by plain python",
            [o for o in sick if o.curable],
            _repaired,
        ),
        _row("of those, without those that only a person can fix", [o for o in sick if _fixed_by_remedy(o)], _repaired),
        _row("patches that run where `descend` cannot be imported", [o for o in sick if o.cure], _alone),
        _row("something claimed where nothing helps", [o for o in sick if not o.curable], _claimed),
        _row("edits without effect reported as tried", outcomes, lambda os: str(sum(o.without_effect for o in os))),
        _row("trials, median", sick, lambda os: f"{median(o.trials for o in os):.0f}"),
        _row("first findings / baseline run, median", outcomes, lambda os: _ratio(os, lambda o: o.watched_s)),
        _row("verdict / baseline run, median, sick ones", sick, lambda os: _ratio(os, lambda o: o.total_s)),
        "",
        "## How sure the first finding was before any trial",
        "",
        "| certainty | findings | right |",
        "|---|---|---|",
        *_calibration(sick + healthy),
        "",
        "## What was found first",
        "",
        "| fault | variants | found first |",
        "|---|---|---|",
        *_confusion(outcomes),
        "",
        "## Each script",
        "",
        "| script | half | fault | first finding | fix | before → after |",
        "|---|---|---|---|---|---|",
        *(_line(o) for o in outcomes),
        "",
    ]
    return "\n".join(lines)


def _row(label: str, outcomes: Sequence[Outcome], cell: Callable[[Sequence[Outcome]], str]) -> str:
    halves = [[o for o in outcomes if o.half == half] for half in ("tuning", "kept_out")]
    return f"| {label} | " + " | ".join(cell(half) if half else "" for half in halves) + " |"


def _share(count: int, total: int) -> str:
    return f"{count} of {total} ({count / total:.0%})" if total else ""


def _alarms(outcomes: Sequence[Outcome]) -> str:
    wrong, total = sum(not o.right for o in outcomes), len(outcomes)
    bound = float(beta.ppf(LEVEL, wrong + 1, total - wrong)) if wrong < total else 1.0
    return f"{wrong} of {total} (at most {bound:.1%} at {LEVEL:.0%})"


def _repaired(outcomes: Sequence[Outcome]) -> str:
    return _share(sum(bool(o.cure) and o.reproduced for o in outcomes), len(outcomes))


def _alone(outcomes: Sequence[Outcome]) -> str:
    return _share(sum(o.alone for o in outcomes), len(outcomes))


def _fixed_by_remedy(outcome: Outcome) -> bool:
    return outcome.curable and not outcome.by_hand


def _claimed(outcomes: Sequence[Outcome]) -> str:
    return _share(sum(bool(o.cure) for o in outcomes), len(outcomes))


def _ratio(outcomes: Sequence[Outcome], cost: Callable[[Outcome], float]) -> str:
    ratios = [cost(o) / o.bare_s for o in outcomes if o.bare_s > 0 and math.isfinite(cost(o))]
    return f"{median(ratios):.2f}" if ratios else ""


def _calibration(outcomes: Sequence[Outcome]) -> list[str]:
    lines = []
    for certainty in ("certain", "likely", "suspected"):
        found = [o for o in outcomes if o.first and o.certainty == certainty]
        if found:
            lines.append(f"| {certainty} | {len(found)} | {sum(o.right for o in found) / len(found):.0%} |")
    return lines


def _confusion(outcomes: Sequence[Outcome]) -> list[str]:
    kinds: dict[str, Counter[str]] = {}
    for o in outcomes:
        kinds.setdefault(" or ".join(o.faults) or "healthy", Counter())[o.first or "nothing"] += 1
    return [
        f"| {fault} | {sum(found.values())} | {', '.join(f'{name} {n}' for name, n in found.most_common())} |"
        for fault, found in sorted(kinds.items())
    ]


def _line(o: Outcome) -> str:
    change = f"{o.before:.3g} → {o.after:.3g}" if o.cure else o.trouble
    fault = " or ".join(o.faults) or "healthy"
    return f"| {o.name} | {o.half} | {fault} | {o.first or '–'} | {' + '.join(o.cure)} | {change} |"
