"""What a search has found, as text for the terminal and as JSON."""

from collections.abc import Sequence
from math import exp, isfinite
from typing import Any

from rich.console import RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from descend.discover.archive import Entry, best_entries
from descend.discover.judge import ITSELF, Comparison, floor, is_better
from descend.discover.known import FORMS, known_fingerprints
from descend.discover.runs import Found
from descend.doctor.report.console import WIDEST, Row, report_table
from descend.doctor.report.formatting import count, interval, number

SHOWN = 8  # rules in the table


def best_of_all(found: Sequence[Found]) -> list[Entry]:
    """Return the best rules of several searches, each class of equivalent rules once."""
    entries: dict[str, Entry] = {}
    for entry in best_entries(e for one in found for e in one.entries):
        entries.setdefault(entry.fingerprint, entry)
    return list(entries.values())


def known_name(entry: Entry) -> str:
    """Return the name of a published rule that an entry is equivalent to; "" without one."""
    return known_fingerprints().get(entry.fingerprint, ("", ""))[1]


def search_report(
    found: Sequence[Found], comparisons: Sequence[Comparison], rule_file: str, page: str
) -> RenderableType:
    """Return the result for the terminal."""
    best = best_of_all(found)
    rows: list[Row] = [("searched", Text(searched_message(found)))]
    if not best:
        return report_table([*rows, ("result", Text("No rule learns anything.", "bold red"))])
    rows += [("best", _best_table(best)), ("known", Text(rediscovered_message(found)))]
    if comparisons:
        rows += [("judged", _comparison_table(comparisons)), ("verdict", Text(verdict_message(comparisons), "bold"))]
    rows.append(("rule", Text(f"{best[0].expression.formula}, written to {rule_file}")))
    if page:
        rows.append(("picture", Text(page)))
    return Constrain(report_table(rows), WIDEST)


def searched_message(found: Sequence[Found]) -> str:
    """Return how much was searched."""
    evaluated = sum(len(one.entries) for one in found)
    proposed, invalid = sum(one.proposed for one in found), sum(one.invalid for one in found)
    searches = count(len(found), "search", "searches")
    return (
        f"{number(evaluated)} different rules in {searches} ({found[0].plan.search}). Of {number(proposed)} proposed "
        f"expressions, {number(invalid)} cannot train anything, and the others are equivalent to these."
    )


def rediscovered_message(found: Sequence[Found]) -> str:
    """Return which families of published rules were evaluated, and which are among the ten best of their search."""
    parts = []
    for family in FORMS:
        seen = sum(family in families_in(one.entries) for one in found)
        top = sum(family in families_in(one.best[:10]) for one in found)
        parts.append(f"{family}: evaluated in {seen}, among the ten best in {top}")
    return f"of {count(len(found), 'search', 'searches')}: {'; '.join(parts)}"


def families_in(entries: Sequence[Entry]) -> set[str]:
    """Return the families of published rules among the entries."""
    known = known_fingerprints()
    return {known[entry.fingerprint][0] for entry in entries if entry.fingerprint in known}


def verdict_message(comparisons: Sequence[Comparison]) -> str:
    """Return whether the rule is better than its rivals."""
    rivals = [each for each in comparisons if each.rival != ITSELF]
    beyond = floor(comparisons)
    better = sum(is_better(each, beyond) for each in rivals)
    worse = sum(each.found.low > beyond for each in rivals)
    floor_text = f"With other seeds, the rule differs from itself by a factor of up to {number(beyond)}."
    if better == len(rivals):
        return f"Better than every rival in all {count(len(rivals), 'comparison')}. {floor_text}"
    return (
        f"No winner: clearly better in {better} of {count(len(rivals), 'comparison')}, clearly worse in {worse}. "
        f"{floor_text}"
    )


def as_json(found: Sequence[Found], comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Return the result as JSON values."""
    return {
        "searches": [
            {
                "search": one.plan.search,
                "seed": one.plan.seed,
                "evaluations": len(one.entries),
                "proposed": one.proposed,
                "invalid": one.invalid,
                "families": sorted(families_in(one.entries)),
            }
            for one in found
        ],
        "best": [
            {
                "formula": entry.expression.formula,
                "prefix": str(entry.expression),
                "loss_over_sgd": exp(entry.score.value),
                "lr": entry.score.lr,
                "known_as": known_name(entry) or None,
            }
            for entry in best_of_all(found)[:SHOWN]
        ],
        "judged": [
            {
                "case": each.case,
                "horizon": each.horizon,
                "rival": each.rival,
                "ratio": each.found.centre if isfinite(each.found.centre) else None,
                "interval": [v if isfinite(v) else None for v in (each.found.low, each.found.high)],
            }
            for each in comparisons
        ],
    }


def _best_table(best: Sequence[Entry]) -> Table:
    """Return the best rules with their losses."""
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_row(Text("loss / SGD's", "dim"), Text("lr", "dim"), Text("lr times", "dim"), Text("known as", "dim"))
    for entry in best[:SHOWN]:
        loss, lr = number(exp(entry.score.value)), number(entry.score.lr)
        table.add_row(loss, lr, entry.expression.formula, known_name(entry))
    return table


def _comparison_table(comparisons: Sequence[Comparison]) -> Table:
    """Return the ratios of the final losses in each case."""
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_row(Text("case", "dim"), Text("horizon", "dim"), Text("against", "dim"), Text("loss / its loss", "dim"))
    for each in comparisons:
        within = interval(each.found.low, each.found.high)
        ratio = f"{number(each.found.centre)} ({within})"
        table.add_row(each.case, f"×{each.horizon}", each.rival, ratio)
    return table
