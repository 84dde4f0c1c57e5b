"""The results of `descend compare` on the terminal: the verdict, one table of the choices, and the winner's patch."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import fill

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from descend.doctor.compare.result import CompareResult, CompareVerdict
from descend.doctor.report.choice_patches import PATCH
from descend.doctor.report.choice_rows import ChoiceTable, Column, Mark, choice_table
from descend.doctor.report.choice_verdict import (
    compare_verdict,
    fault_message,
    remarks,
    suspicion_hint,
    suspicion_messages,
    unranked_choices,
    winning_patch,
    work_message,
)
from descend.doctor.report.console import WIDEST, Row, changed_lines, report_table
from descend.doctor.report.formatting import count, one_line, sentence
from descend.doctor.report.unified_diff import summarise_diff

STYLES = {
    CompareVerdict.SWITCH: "bold green",
    CompareVerdict.TUNE: "bold green",
    CompareVerdict.KEEP: "bold",
    CompareVerdict.UNDECIDED: "bold yellow",
    CompareVerdict.NOT_COMPARED: "bold red",
}
MOST_UNRANKED, SENTENCE_LENGTH = 5, 330  # largest numbers of choices and of characters
HEADING_WIDTH = 10  # columns
PRINTED_COLUMNS = (Column.METRIC, Column.CHANGE, Column.STEPS)
SYMBOLS = {Mark.RECOMMENDED: "✓", Mark.EQUIVALENT: "=", Mark.SIMILAR: "~", Mark.OTHER: ""}


def render_choice_console(result: CompareResult, folder: Path | None = None) -> RenderableType:
    """Return the results for the terminal. folder: the folder of the patch and the page; None if they are not stored.

    Problems that are certain are shown with their evidence.
    """
    verdict = Text(sentence(compare_verdict(result)), STYLES[result.verdict])
    rows: list[Row] = [("verdict", verdict)]
    rows += [("problem", _problem_text(fault_message(fault, result))) for fault in result.faults]
    if table := choice_table(result):
        rows.append(("choices", _choice_table(table)))
    rows += _patch_rows(result, folder)
    if result.metric is not None:
        rows.append(
            ("metric", Text(f"{sentence(result.metric.description).rstrip('.')}; {work_message(result)}", "dim"))
        )
    rows += _unranked_rows(result)
    if suspected := suspicion_messages(result):
        rows.append(("suspected", Group(*map(Text, suspected), Text(suspicion_hint(result), "dim"))))
    if result.differs_because:
        rows.append(("repeated", Text(sentence(result.differs_because), "yellow")))
    rows += [("note", Text(sentence(note))) for note in remarks(result)]
    if result.ended_because:
        rows.append(("ended", Text(one_line(result.ended_because), "yellow")))
    if folder:
        rows.append(("report", Text(str(folder / "compare.html"))))
    return Constrain(report_table(rows), WIDEST)


def _problem_text(message: str) -> Text:
    """Return a problem of the script as text of limited length."""
    return Text(one_line(sentence(message), SENTENCE_LENGTH))


def _choice_table(table: ChoiceTable) -> Group:
    """Return the rows of the table with the meaning of their marks and columns.

    Each choice is one line with its values, so that the table fits 80 columns. The page has further columns.
    """
    shown = [column for column in table.columns if column in PRINTED_COLUMNS]
    grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    grid.add_column(width=1)
    grid.add_column(overflow="fold")
    for _ in shown:
        grid.add_column(justify="right", no_wrap=True)
    grid.add_row("", "", *(Text(fill(table.heading(column), HEADING_WIDTH), "dim") for column in shown))
    for row in table.rows:
        style = "bold green" if row.mark is Mark.RECOMMENDED else ""
        grid.add_row(*(Text(text, style) for text in (SYMBOLS[row.mark], row.name, *(row.cells[c] for c in shown))))
    marks = [f"{SYMBOLS[mark]} {mark}" for mark in Mark if mark and any(row.mark is mark for row in table.rows)]
    legend = ("   ".join(marks), table.legend(shown))
    return Group(grid, *(Text(line, "dim") for line in legend if line))


def _patch_rows(result: CompareResult, folder: Path | None) -> Iterator[Row]:
    """Yield the patch of the recommended choice, and how to apply it."""
    patch = winning_patch(result)
    if not patch:
        return
    how = f". Apply it: patch -p0 < {folder / PATCH}" if folder else ""
    lines = [Text(one_line(summarise_diff(patch), 80) + how), *changed_lines(patch)]
    if result.winner is not None and result.winner.tuned.choice.needs:
        lines.append(Text(f"The changed script needs {one_line(result.winner.tuned.choice.needs)}.", "yellow"))
    yield "patch", Group(*lines)


def _unranked_rows(result: CompareResult) -> Iterator[Row]:
    """Yield the choices that have no rank, with the reasons."""
    unranked = unranked_choices(result)
    lines = [Text(one_line(f"{label}: {reason}", SENTENCE_LENGTH)) for label, reason in unranked[:MOST_UNRANKED]]
    if more := len(unranked) - len(lines):
        lines.append(Text(f"and {count(more, 'more choice')} in the report", "dim"))
    if lines:
        yield "left out", Group(*lines)
