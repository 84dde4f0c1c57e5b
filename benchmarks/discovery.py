"""Searches for update rules: which published ones they find again, on which tasks, and whether the best transfers."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import exp
from statistics import median

from shares import share
from side_by_side import HERE, ROOT, fill_section

from descend.discover.expression import PROXIES, SYMBOLS
from descend.discover.judge import JUDGING_SEEDS, Comparison, judge_all
from descend.discover.known import FORMS, known_fingerprints
from descend.discover.report import best_of_all, families_in, known_name, verdict_message
from descend.discover.runs import Found, SearchPlan, run_all
from descend.discover.searches import SEARCHES
from descend.doctor.report.formatting import interval, number
from descend.doctor.script.plan import cores

PAGE = HERE / "DISCOVERY.md"
HEAD = """# Searching for update rules

Each section by itself: `python benchmarks/run.py NAME`. Searches that are stored in `.descend/discovery` are not
repeated.
"""
Write = Callable[..., None]
SEEDS, EVALUATIONS, TOP = 20, 500, 10
HORIZONS = (1, 10, 100)
FOLDER = ROOT / ".descend" / "discovery"  # A second command continues the searches of an interrupted one.


def rediscovery(write: Write) -> None:
    """Count which families of published rules each kind of search evaluates, and ranks among its best."""
    write(
        f"{SEEDS} searches of each kind, each with {EVALUATIONS} different rules on {' and '.join(PROXIES)}. Evolution",
        "begins with plain SGD; the others begin with nothing. *Evaluated*: a form of the family was trained. *After*:",
        f"the median number of rules until then, of these searches. *Among the {TOP} best*: the score ranks it there.",
        "In brackets: 95 % intervals.",
        "",
        f"| search | family | evaluated | after | among the {TOP} best |",
        "|---|---|---|---|---|",
    )
    for kind in SEARCHES:
        found = _searches(kind, PROXIES)
        for family in FORMS:
            write(f"| {kind} | {family} | {' | '.join(_cells(found, family))} |")
    write(
        "",
        "Forms of each family, whose fingerprints are recognised: "
        + "; ".join(f"{family}: {', '.join(forms.values())}" for family, forms in FORMS.items())
        + ".",
    )


def proxies(write: Write) -> None:
    """Count what evolution finds if it trains its rules on one task only."""
    write(
        f"Evolution, {SEEDS} searches of {EVALUATIONS} rules, trained on one task or on both.",
        "",
        f"| task | family | evaluated | after | among the {TOP} best |",
        "|---|---|---|---|---|",
    )
    for name, tasks in {"digits alone": PROXIES[:1], "table alone": PROXIES[1:], "both": PROXIES}.items():
        found = _searches("evolution", tasks)
        for family in FORMS:
            write(f"| {name} | {family} | {' | '.join(_cells(found, family))} |")


def best_rules(write: Write) -> None:
    """Name the best rules of each kind of search, and how good the best rule of a search is."""
    found = {kind: _searches(kind, PROXIES) for kind in SEARCHES}
    write(
        "The loss of the best rule of a search, as a multiple of the loss of tuned SGD: the median of the searches",
        "(least to largest).",
        "",
        "| search | loss / SGD's |",
        "|---|---|",
    )
    for kind, searches in found.items():
        losses = sorted(exp(one.best[0].score.value) for one in searches)
        write(f"| {kind} | {number(median(losses))} ({interval(losses[0], losses[-1])}) |")
    write(
        "",
        "The three best rules of all searches of a kind:",
        "",
        "| search | loss / SGD's | lr times | known as |",
        "|---" * 4 + "|",
    )
    for kind, searches in found.items():
        for entry in best_of_all(searches)[:3]:
            loss, known = number(exp(entry.score.value)), known_name(entry)
            write(f"| {kind} | {loss} | `{entry.expression.formula}` | {known} |")


def transfer(write: Write) -> None:
    """Compare the best rule of all searches with tuned rivals on other tasks and for longer trainings."""
    found = [one for kind in SEARCHES for one in _searches(kind, PROXIES)]
    best = best_of_all(found)[0]
    known = f", which is {known_name(best)}" if known_name(best) else ""
    comparisons = judge_all(best, HORIZONS, FOLDER, cores(), _print_progress)
    write(
        f"The best rule of all searches is lr times `{best.expression.formula}`{known}. Each optimizer has its own",
        f"tuned learning rate; the training losses of {JUDGING_SEEDS} seeds are compared in pairs. Figures are the",
        "rule's loss over the rival's (97 % interval): below 1, the rule is better. Steps are multiples of 100.",
        "",
        verdict_message(comparisons),
        "",
    )
    rivals = list(dict.fromkeys(each.rival for each in comparisons))
    write(f"| case | steps | {' | '.join(rivals)} |", "|---" * (2 + len(rivals)) + "|")
    for case, horizon in dict.fromkeys((each.case, each.horizon) for each in comparisons):
        row = {each.rival: each for each in comparisons if (each.case, each.horizon) == (case, horizon)}
        write(f"| {case} | ×{horizon} | {' | '.join(_ratio(row[rival]) for rival in rivals)} |")


def _searches(kind: str, tasks: Sequence[str]) -> list[Found]:
    """Return the searches of a kind; those that are stored are not made again."""
    plans = [SearchPlan(kind, seed, EVALUATIONS, tuple(SYMBOLS), tuple(tasks)) for seed in range(SEEDS)]
    FOLDER.mkdir(parents=True, exist_ok=True)
    return run_all(plans, FOLDER, cores(), partial(_print_searches, f"{kind} on {' and '.join(tasks)}"))


def _cells(found: Sequence[Found], family: str) -> list[str]:
    """Return in how many searches a family was evaluated, after how many rules, and in how many it is ranked high."""
    first = [numbers[0] for one in found if (numbers := sorted(_numbers(one, family)))]
    top = sum(family in families_in(one.best[:TOP]) for one in found)
    return [share(len(first), len(found)), number(median(first)) if first else "", share(top, len(found))]


def _numbers(one: Found, family: str) -> Iterable[int]:
    """Return the numbers of the evaluations of a family's forms."""
    known = known_fingerprints()
    return (e.number for e in one.entries if e.fingerprint in known and known[e.fingerprint][0] == family)


def _ratio(each: Comparison) -> str:
    """Return the ratio of the final losses with its interval."""
    return f"{number(each.found.centre)} ({interval(each.found.low, each.found.high)})"


def _print_progress(line: str) -> None:
    print(line, flush=True)


def _print_searches(what: str, evaluations: int, seconds: float) -> None:
    if evaluations:
        print(f"{what}: {evaluations} rules in {seconds:.0f} s", flush=True)


SECTIONS = {"rediscovery": rediscovery, "proxy tasks": proxies, "best rules": best_rules, "transfer": transfer}


def measure(name: str) -> None:
    """Measure one section and replace it on the page."""
    fill_section(PAGE, HEAD, name, SECTIONS[name])
