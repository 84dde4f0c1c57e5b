"""The results of `descend prove` as one HTML file: for each change the verdict, the curves of all seeds, the diff."""

from pathlib import Path
from typing import Any

from descend.doctor.prove.judgement import ChangeVerdict
from descend.doctor.prove.result import ChangeResult, ComparedRun, ProveResult
from descend.doctor.record import Series
from descend.doctor.report.change_verdict import change_message, measured_rows, prove_verdict, runs_message
from descend.doctor.report.document import Figures, render, write_document
from descend.doctor.report.figure import Figure, Key, Panel, Trace, line, value_axis
from descend.doctor.report.formatting import count, one_line, sentence
from descend.doctor.report.run_curves import run_curves
from descend.doctor.report.unified_diff import read_diff

GOOD = (ChangeVerdict.HELPS, ChangeVerdict.EQUIVALENT, ChangeVerdict.NO_EFFECT)
BAD = (ChangeVerdict.HARMS, ChangeVerdict.FAILS)
HEADLINES = {
    ChangeVerdict.HELPS: "The change helps",
    ChangeVerdict.HARMS: "The change harms",
    ChangeVerdict.EQUIVALENT: "The change makes no relevant difference",
    ChangeVerdict.NO_EFFECT: "The change has no effect",
    ChangeVerdict.UNDECIDED: "It is undecided whether the change helps",
    ChangeVerdict.FAILS: "The change breaks the script",
    ChangeVerdict.NOT_COMPARABLE: "The runs cannot be compared",
}


def write_change_page(result: ProveResult, path: Path) -> None:
    """Write the page to `path`. Raise `UsageError` if it cannot be written."""
    write_document(render_change_page(result), path)


def render_change_page(result: ProveResult) -> str:
    """Return the page, which needs no other file and no network."""
    figures = Figures(is_static=True)
    metric = [sentence(f"compared: {result.metric.description}; {runs_message(result)}")] if result.metric else []
    notes = [sentence(text) for text in (result.differs_because, result.ended_because) if text]
    return render(
        "change.html",
        figures,
        headline=_headline(result),
        tone=_tone(result),
        standfirst=sentence(prove_verdict(result)),
        script=one_line(result.baseline.script),
        notes=[*metric, *notes],
        changes=[_change_values(change, number, result, figures) for number, change in enumerate(result.changes, 1)],
    )


def _headline(result: ProveResult) -> str:
    """Return the verdict in a few words: that on the change or, for several changes, how many help."""
    if not result.changes:
        return "The script failed" if result.has_failed else "Nothing was compared"
    if len(result.changes) == 1:
        return HEADLINES[result.changes[0].verdict]
    helpful = sum(change.verdict == ChangeVerdict.HELPS for change in result.changes)
    return f"{helpful or 'None'} of {count(len(result.changes), 'change')} {'helps' if helpful == 1 else 'help'}"


def _tone(result: ProveResult) -> str:
    """Return the tone of the headline in the page's style sheet."""
    verdicts = [change.verdict for change in result.changes]
    if not verdicts or any(verdict in BAD for verdict in verdicts):
        return "cause"
    return "cure" if all(verdict in GOOD for verdict in verdicts) else "faint"


def _change_values(change: ChangeResult, number: int, result: ProveResult, figures: Figures) -> dict[str, Any]:
    """Return the template values of one change."""
    needed = change.needed
    return {
        "label": one_line(change.label),
        "sentence": sentence(change_message(change, result)),
        "figure": figures.add(_change_figure(change, result)),
        "error": change.error,
        "lines": read_diff(change.patch) if change.patch else [],
        "file": f"change-{number}.diff",
        "rows": measured_rows(change, result),
        "needed": needed
        and {
            "sentence": sentence(change_message(needed, result)),
            "lines": read_diff(needed.patch),
            "file": f"change-{number}-needed.diff",
        },
    }


def _change_figure(change: ChangeResult, result: ProveResult) -> Figure | None:
    """Return the curves of the metric with and without a change, one for each seed; None if there is no curve."""
    if result.metric is None:
        return None
    drawn = run_curves([change.before, change.after], result.metric)
    if not drawn.values:
        return None
    before, after = drawn.bundles
    traces = (
        *_curve_traces(change.before, before, "cause", "unchanged"),
        *_curve_traces(change.after, after, "cure", "changed"),
    )
    keys = (Key("unchanged script", "cause"), Key("changed script", "cure"))
    panel = Panel(drawn.title, traces, keys, y=value_axis(drawn.values), height=340)
    seeds = count(len(change.seeds), "seed")
    return Figure((panel,), f"{drawn.title} over the optimizer steps, one curve for each of {seeds}.{drawn.remark}")


def _curve_traces(runs: tuple[ComparedRun, ...], curves: list[Series], tone: str, label: str) -> list[Trace]:
    """Return one curve for each run that has one."""
    known = ((run, curve) for run, curve in zip(runs, curves) if len(curve))
    return [line(curve, tone, f"{label}, seed {run.seed}", width=1.5) for run, curve in known]
