"""The results of `descend compare` as one HTML file: verdict, table, figures, and the winner's patch."""

from pathlib import Path

from descend.doctor.compare.result import CompareResult, CompareVerdict
from descend.doctor.report.choice_figures import choice_figures
from descend.doctor.report.choice_formats import further_notes
from descend.doctor.report.choice_rows import choice_table
from descend.doctor.report.choice_verdict import (
    compare_verdict,
    fault_message,
    suspicion_hint,
    suspicion_messages,
    unranked_choices,
    winning_patch,
    work_message,
)
from descend.doctor.report.document import Figures, render, write_document
from descend.doctor.report.formatting import one_line, sentence
from descend.doctor.report.unified_diff import read_diff

HEADLINES = {
    CompareVerdict.SWITCH: "Another choice is better",
    CompareVerdict.TUNE: "Tune the current optimizer",
    CompareVerdict.KEEP: "Keep the current setting",
    CompareVerdict.UNDECIDED: "It is undecided which choice is best",
    CompareVerdict.NOT_COMPARED: "Nothing was compared",
}
TONES = {  # tones of the headline in the page's style sheet
    CompareVerdict.SWITCH: "cure",
    CompareVerdict.TUNE: "cure",
    CompareVerdict.KEEP: "cure",
    CompareVerdict.UNDECIDED: "faint",
    CompareVerdict.NOT_COMPARED: "cause",
}


def write_choice_page(result: CompareResult, path: Path) -> None:
    """Write the page to `path`. Raise `UsageError` if it cannot be written."""
    write_document(render_choice_page(result), path)


def render_choice_page(result: CompareResult) -> str:
    """Return the page, which needs no other file and no network."""
    figures = Figures(is_static=True)
    drawn = [figures.add(figure) for figure in choice_figures(result)]
    metric = [sentence(f"compared: {result.metric.description}; {work_message(result)}")] if result.metric else []
    patch = winning_patch(result)
    return render(
        "compare.html",
        figures,
        headline="The script failed" if result.has_failed else HEADLINES[result.verdict],
        tone="cause" if result.has_failed else TONES[result.verdict],
        standfirst=sentence(compare_verdict(result)),
        script=one_line(result.baseline.script),
        notes=[*metric, *map(sentence, further_notes(result))],
        suspected=suspicion_messages(result),
        suspicion_hint=sentence(suspicion_hint(result)),
        faults=[sentence(fault_message(fault, result)) for fault in result.faults],
        table=choice_table(result),
        unranked=unranked_choices(result),
        drawn=drawn,
        lines=read_diff(patch) if patch else [],
        needs=one_line(result.winner.tuned.choice.needs) if result.winner else "",
    )
