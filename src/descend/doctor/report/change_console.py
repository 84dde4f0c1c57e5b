"""The results of `descend prove` on the terminal: one verdict, one table and the changed lines for each change."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from descend.doctor.prove.judgement import ChangeVerdict
from descend.doctor.prove.result import ChangeResult, ProveResult
from descend.doctor.report.change_verdict import change_message, measured_rows, prove_verdict, runs_message
from descend.doctor.report.console import WIDEST, Row, changed_lines, report_table
from descend.doctor.report.formatting import one_line, sentence
from descend.doctor.report.unified_diff import summarise_diff

STYLES = {
    ChangeVerdict.HELPS: "bold green",
    ChangeVerdict.HARMS: "bold red",
    ChangeVerdict.FAILS: "bold red",
    ChangeVerdict.EQUIVALENT: "bold",
    ChangeVerdict.NO_EFFECT: "bold",
    ChangeVerdict.UNDECIDED: "bold yellow",
    ChangeVerdict.NOT_COMPARABLE: "bold yellow",
}
LINE_LENGTH = 330


def render_change_console(result: ProveResult, folder: Path | None = None) -> RenderableType:
    """Return the results for the terminal. folder: the folder of the patches; None if they are not stored."""
    rows: list[Row] = []
    if not result.changes:
        rows.append(("verdict", Text(prove_verdict(result), "bold red")))
    for index, change in enumerate(result.changes, 1):
        rows += _change_rows(change, result, folder / f"change-{index}.diff" if folder else None)
    if result.metric is not None:
        rows.append(
            ("metric", Text(f"{sentence(result.metric.description).rstrip('.')}; {runs_message(result)}", "dim"))
        )
    if result.differs_because:
        rows.append(("repeated", Text(sentence(result.differs_because), "yellow")))
    if result.ended_because:
        rows.append(("ended", Text(one_line(result.ended_because), "yellow")))
    if folder:
        rows.append(("report", Text(str(folder / "prove.html"))))
    return Constrain(report_table(rows), WIDEST)


def _change_rows(change: ChangeResult, result: ProveResult, patch: Path | None) -> Iterator[Row]:
    """Yield the rows on one change: verdict, measured values, and its edit."""
    yield "verdict", Text(change_message(change, result), STYLES[change.verdict])
    if rows := measured_rows(change, result):
        yield "measured", _measured_table(rows)
    if change.error:
        yield "error", Text("\n".join(one_line(line) for line in change.error.rstrip().splitlines()[-3:]), "dim")
    if change.patch:
        where = f" (stored as {patch})" if patch else ""
        summary = Text(one_line(summarise_diff(change.patch), 80) + where)
        yield "change", Group(summary, *changed_lines(change.patch))
    if change.needed is not None:
        needed = Text(sentence(change_message(change.needed, result)))
        yield "needed", Group(needed, *changed_lines(change.needed.patch))


def _measured_table(rows: list[tuple[str, str, str, str]]) -> Table:
    """Return the values without and with a change as a table."""
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_row("", Text("unchanged", "dim"), Text("changed", "dim"), "")
    for row in rows:
        table.add_row(*row)
    return table
