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
from descend.doctor.report.choice_rows import choice_headings, choice_rows, columns_message
from descend.doctor.report.choice_verdict import (
    compare_verdict,
    fault_message,
    remarks,
    unranked_choices,
    winning_patch,
    work_message,
)
from descend.doctor.report.console import MOST_FINDINGS, WIDEST, Row, changed_lines, report_table
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


def render_choice_console(result: CompareResult, folder: Path | None = None) -> RenderableType:
    """Return the results for the terminal. folder: the folder of the patch and the page; None if they are not stored.

    A script with certain problems that is not compared shows them with their evidence.
    """
    verdict = Text(sentence(compare_verdict(result)), STYLES[result.verdict])
    rows: list[Row] = [("verdict", verdict)]
    rows += [("problem", _finding(fault_message(fault, result))) for fault in result.faults]
    if table := _choice_table(result):
        rows.append(("choices", table))
    rows += _patch_rows(result, folder)
    if result.metric is not None:
        rows.append(
            ("metric", Text(f"{sentence(result.metric.description).rstrip('.')}; {work_message(result)}", "dim"))
        )
    rows += _unranked_rows(result)
    rows += [("suspected", _finding(fault_message(symptom, result))) for symptom in result.suspected[:MOST_FINDINGS]]
    if result.differs_because:
        rows.append(("repeated", Text(sentence(result.differs_because), "yellow")))
    rows += [("note", Text(sentence(note))) for note in remarks(result)]
    if result.ended_because:
        rows.append(("ended", Text(one_line(result.ended_because), "yellow")))
    if folder:
        rows.append(("report", Text(str(folder / "compare.html"))))
    return Constrain(report_table(rows), WIDEST)


def _finding(message: str) -> Text:
    """Return a problem of the script as text of limited length."""
    return Text(one_line(sentence(message), SENTENCE_LENGTH))


def _choice_table(result: CompareResult) -> Group | None:
    """Return the table of the choices, with the meaning of its columns; None if no choice was compared.

    The values are in the column of the choices, so that the table fits 80 columns.
    """
    rows = choice_rows(result)
    if not rows:
        return None
    choice, _, *numbers = choice_headings(result)
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(overflow="fold")
    for _ in numbers:
        table.add_column(justify="right", no_wrap=True)
    table.add_row(*(Text(fill(heading, HEADING_WIDTH), "dim") for heading in (choice, *numbers)))
    for row in rows:
        named = ", ".join(text for text in (row.choice, row.values) if text)
        table.add_row(*(Text(cell, "bold green" if row.is_winner else "") for cell in (named, *row.cells[2:])))
    return Group(table, Text(columns_message(result), "dim"))


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
