"""The results of `descend compare` in Markdown, for coding assistants, and as GitHub annotations."""

from collections.abc import Callable, Iterator

from descend.doctor.compare.result import CompareResult, CompareVerdict
from descend.doctor.report.choice_json import render_choice_json
from descend.doctor.report.choice_rows import choice_table
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
from descend.doctor.report.formats.github import annotation
from descend.doctor.report.formats.markdown import code_block, escape_markdown, table_cell
from descend.doctor.report.formatting import one_line, sentence
from descend.doctor.report.unified_diff import summarise_diff

OUTCOMES = {
    CompareVerdict.SWITCH: "another choice is better",
    CompareVerdict.TUNE: "tune the current optimizer",
    CompareVerdict.KEEP: "keep the current setting",
    CompareVerdict.UNDECIDED: "undecided",
    CompareVerdict.NOT_COMPARED: "nothing was compared",
}


def render_choice_markdown(result: CompareResult) -> str:
    """Return the results as GitHub Markdown for a pull request."""
    return "\n\n".join(_markdown_parts(result))


def _markdown_parts(result: CompareResult) -> Iterator[str]:
    """Yield the paragraphs of the Markdown report."""
    yield f"## descend compare: {outcome(result)}"
    yield f"**{escape_markdown(sentence(compare_verdict(result)))}**"
    for fault in result.faults:
        yield f"Problem: {escape_markdown(sentence(fault_message(fault, result)))}"
    if table := choice_table(result):
        headings = ["", "choice", *map(table.heading, table.columns)]
        lines = [headings, ["---"] * len(headings)]
        lines += [[row.mark, row.name, *(row.cells[column] for column in table.columns)] for row in table.rows]
        yield "\n".join(f"| {' | '.join(map(table_cell, cells))} |" for cells in lines)
        yield escape_markdown(table.legend(table.columns))
    if patch := winning_patch(result):
        summary = f"<details><summary>The recommended change: {escape_markdown(summarise_diff(patch))}</summary>"
        yield "\n\n".join([summary, code_block(patch, "diff"), "</details>"])
    if left_out := unranked_choices(result):
        yield "\n".join(f"- Not ranked: {escape_markdown(f'{label}: {reason}')}" for label, reason in left_out)
    if result.metric is not None:
        yield f"Compared: {escape_markdown(sentence(result.metric.description))}"
    if suspected := suspicion_messages(result):
        yield "\n".join(f"- Suspected: {escape_markdown(text)}" for text in suspected)
        yield escape_markdown(sentence(suspicion_hint(result)))
    for text in further_notes(result):
        yield escape_markdown(sentence(text))
    yield f"{escape_markdown(work_message(result))}."


def outcome(result: CompareResult) -> str:
    """Return the verdict in a few words."""
    return "the unchanged script failed" if result.has_failed else OUTCOMES[result.verdict]


def further_notes(result: CompareResult) -> list[str]:
    """Return what else a report says: how runs differ, notes of the comparison, and why it ended early."""
    return [text for text in (result.differs_because, *remarks(result), result.ended_because) if text]


def render_choice_agent(result: CompareResult) -> str:
    """Return the results for a coding assistant: one `key: value` a line, without colours and decoration."""
    lines = [
        f"verdict: {result.verdict}",
        f"summary: {one_line(compare_verdict(result))}",
        f"script: {one_line(result.baseline.script)}",
    ]
    lines += [f"problem: {one_line(fault_message(fault, result))}" for fault in result.faults]
    lines += [f"suspected: {one_line(text)}" for text in suspicion_messages(result)]
    lines += [f"note: {suspicion_hint(result)}"] if result.suspected else []
    if result.metric is not None:
        lines.append(f"metric: {one_line(result.metric.description)}")
    if table := choice_table(result):
        for row in table.rows:
            lines.append(f"choice: {row.choice}{f' | {row.mark}' if row.mark else ''}")
            cells = {"values": row.values, **{table.heading(column): row.cells[column] for column in table.columns}}
            lines += [f"  {name}: {cell}" for name, cell in cells.items() if cell]
    lines += [f"not_ranked: {label} | {reason}" for label, reason in unranked_choices(result)]
    lines += [f"not_deterministic: {one_line(result.differs_because)}"] if result.differs_because else []
    lines += [f"note: {one_line(note)}" for note in remarks(result)]
    lines += [f"ended: {one_line(result.ended_because)}"] if result.ended_because else []
    if patch := winning_patch(result):
        lines += [f"patch: {one_line(summarise_diff(patch))}", code_block(patch, "diff")]
    return "\n".join(lines)


def render_choice_github(result: CompareResult) -> str:
    """Return an annotation for the verdict and for each problem that is certain. Problems and failures are errors."""
    title = {"title": f"descend compare: {outcome(result)}"}
    is_wrong = result.has_failed or result.verdict == CompareVerdict.NOT_COMPARED
    lines = [annotation("error" if is_wrong else "notice", title, sentence(compare_verdict(result)))]
    lines += [
        annotation("error", {"title": f"descend: {fault.id}"}, sentence(fault_message(fault, result)))
        for fault in result.faults
    ]
    return "\n".join(lines)


RENDERERS: dict[str, Callable[[CompareResult], str]] = {
    "json": render_choice_json,
    "markdown": render_choice_markdown,
    "agent": render_choice_agent,
    "github": render_choice_github,
}
