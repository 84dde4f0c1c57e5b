"""The results of `descend prove` as JSON, Markdown, for coding assistants, and as GitHub annotations."""

from collections.abc import Callable, Iterator
from typing import Any

from descend.doctor.prove.judgement import ChangeVerdict
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.result import ChangeResult, ComparedRun, ProveResult
from descend.doctor.redaction import mask_secrets
from descend.doctor.report.change_verdict import change_message, measured_rows, prove_verdict, runs_message
from descend.doctor.report.formats.github import Level, annotation
from descend.doctor.report.formats.markdown import code_block, escape_markdown, table_cell
from descend.doctor.report.formatting import one_line, sentence
from descend.doctor.report.json_report import finite_or_none, json_text
from descend.doctor.report.unified_diff import summarise_diff

SCHEMA = 1
LEVELS: dict[ChangeVerdict, Level] = {ChangeVerdict.HARMS: "error", ChangeVerdict.FAILS: "error"}


def render_change_json(result: ProveResult) -> str:
    """Return the results as JSON, schema 1. Unknown values, infinities and NaN are null. Memory is in bytes."""
    contract = {
        "schema": SCHEMA,
        "command": "prove",
        "verdict": prove_verdict(result),
        "run": result.baseline.run or None,
        "script": result.baseline.script,
        "steps": result.baseline.steps,
        "metric": metric_as_json(result.metric),
        "margin": finite_or_none(result.margin),
        "expected": result.expected,
        "exit": {"status": result.exit_status},
        "changes": [_change_as_json(change, result) for change in result.changes],
        "deterministic": not result.differs_because if result.changes else None,
        "differs_because": result.differs_because or None,
        "interrupted": bool(result.interruption),
        "ended_because": result.ended_because or None,
        "cost": {"runs": result.runs, "total_s": finite_or_none(result.total_s)},
    }
    return json_text(contract)


def metric_as_json(metric: ComparedMetric | None) -> dict[str, Any] | None:
    """Return the compared metric as a dictionary; None if nothing was compared."""
    if metric is None:
        return None
    return {"name": metric.name, "cost": metric.cost_name, "description": metric.description}


def _change_as_json(change: ChangeResult, result: ProveResult) -> dict[str, Any]:
    """Return the verdict on one change as a dictionary."""
    return {
        "label": change.label,
        "verdict": change.verdict,
        "sentence": change_message(change, result),
        "as_expected": change.is_as_expected(result.expected),
        "is_no_worse": change.is_no_worse,
        "relative_difference": [finite_or_none(end) for end in change.difference],
        "more_seeds": change.more_seeds,
        "reason": change.reason or None,
        "time_per_step_ratio": [finite_or_none(end) for end in change.time_ratio],
        "before": [run_as_json(run) for run in change.before],
        "after": [run_as_json(run) for run in change.after],
        "patch": change.patch or None,
        "error": change.error or None,
        "needed": _change_as_json(change.needed, result) if change.needed else None,
    }


def run_as_json(run: ComparedRun) -> dict[str, Any]:
    """Return the summary of one run as a dictionary."""
    return {
        "run": run.run or None,
        "seed": run.seed,
        "value": finite_or_none(run.value),
        "cost": finite_or_none(run.cost),
        "steps": run.steps,
        "step_s": finite_or_none(run.step_s),
        "memory": run.memory,
    }


def render_change_markdown(result: ProveResult) -> str:
    """Return the results as GitHub Markdown for a pull request."""
    parts = [f"## descend prove: {escape_markdown(_outcome(result))} (expected: {result.expected})"]
    if not result.changes:
        parts.append(f"**{escape_markdown(sentence(prove_verdict(result)))}**")
    for change in result.changes:
        parts += _markdown_change(change, result)
    if result.metric is not None:
        parts.append(f"Compared: {escape_markdown(sentence(result.metric.description))}")
    notes = [text for text in (result.differs_because, result.ended_because) if text]
    parts += [escape_markdown(sentence(text)) for text in notes]
    parts.append(f"{escape_markdown(runs_message(result))}.")
    return "\n\n".join(parts)


def _outcome(result: ProveResult) -> str:
    """Return whether the changes are as expected, in a few words."""
    outcomes = [change.is_as_expected(result.expected) for change in result.changes]
    if result.has_failed:
        return "the unchanged script failed"
    if False in outcomes:
        return "not as expected"
    return "undecided" if None in outcomes or not outcomes else "as expected"


def _markdown_change(change: ChangeResult, result: ProveResult) -> Iterator[str]:
    """Yield the verdict on a change, the table of measured values, and the diff."""
    yield f"**{escape_markdown(sentence(change_message(change, result)))}**"
    if rows := measured_rows(change, result):
        lines = ["| measured | unchanged | changed | ratio |", "|---|---|---|---|"]
        lines += ["| " + " | ".join(table_cell(cell) for cell in row) + " |" for row in rows]
        yield "\n".join(lines)
    if change.patch:
        summary = f"<details><summary>The change: {escape_markdown(summarise_diff(change.patch))}</summary>"
        yield "\n\n".join([summary, code_block(change.patch, "diff"), "</details>"])
    if change.error:
        yield code_block(change.error, "")
    if change.needed is not None:
        yield escape_markdown(sentence(change_message(change.needed, result)))
        yield code_block(change.needed.patch, "diff")


def render_change_agent(result: ProveResult) -> str:
    """Return the results for a coding assistant: one `key: value` a line, without colours and decoration."""
    lines = [
        f"verdict: {one_line(prove_verdict(result))}",
        f"expected: {result.expected} | {_outcome(result)}",
        f"script: {one_line(result.baseline.script)}",
    ]
    if result.metric is not None:
        lines.append(f"metric: {one_line(result.metric.description)}")
    for change in result.changes:
        lines.append(f"change: {one_line(change.label)} | {change.verdict} | {len(change.seeds)} seeds")
        lines += [f"  {name}: {before} -> {after}" for name, before, after, _ in measured_rows(change, result)]
        lines += [f"  error: {one_line(line)}" for line in change.error.rstrip().splitlines()[-1:]]
        if change.needed is not None:
            lines += [
                f"needed: {one_line(change_message(change.needed, result))}",
                code_block(change.needed.patch, "diff"),
            ]
    lines += [f"not_deterministic: {one_line(result.differs_because)}"] if result.differs_because else []
    lines += [f"ended: {one_line(result.ended_because)}"] if result.ended_because else []
    return "\n".join(lines)


def render_change_github(result: ProveResult) -> str:
    """Return one annotation for each change: an error if it harms or fails, otherwise a notice."""
    if not result.changes:
        return annotation("error", {"title": "descend prove"}, sentence(prove_verdict(result)))
    return "\n".join(
        annotation(
            LEVELS.get(change.verdict, "notice"),
            {"title": f"descend prove: {mask_secrets(change.label)}"},
            sentence(change_message(change, result)),
        )
        for change in result.changes
    )


RENDERERS: dict[str, Callable[[ProveResult], str]] = {
    "json": render_change_json,
    "markdown": render_change_markdown,
    "agent": render_change_agent,
    "github": render_change_github,
}
