"""The summary of a case that a notebook shows: verdict, problems, patch, and the path of the whole report."""

from itertools import islice
from pathlib import Path
from typing import Any

from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case, CaseStatus
from descend.doctor.report.causes import causes
from descend.doctor.report.console import MOST_FINDINGS, command
from descend.doctor.report.document import template_environment
from descend.doctor.report.formatting import one_line, place, sentence, working_directory
from descend.doctor.report.left_out import left_out_message
from descend.doctor.report.titles import heading
from descend.doctor.report.unified_diff import read_source_diff, summarise_diff
from descend.doctor.report.verdict import headline, verdict

MOST_LINES = 60  # largest number of lines of a patch that are shown


def render_summary(case: Case, report: Path | None, *, store: str) -> str:
    """Return the summary of a case as a piece of HTML without scripts, links or style sheets.

    report: the path of the HTML report, or None. store: the value of `--store`.
    """
    problems = causes(case) if case.findings else case.undecided_suspicions
    ending = case.record.ending
    failed = case.status == CaseStatus.SCRIPT_FAILED and ending is not None
    return (
        template_environment()
        .get_template("summary.html")
        .render(
            headline=headline(case),
            verdict=sentence(verdict(case)),
            error=ending.error.strip() if failed and ending else "",
            problems=[_problem_values(case, symptom) for symptom in problems[:MOST_FINDINGS]],
            more=max(0, len(problems) - MOST_FINDINGS),
            left_out=sentence(left_out_message(case)),
            patch=_patch_values(case, store),
            report=str(report.absolute()) if report else "",
        )
    )


def _problem_values(case: Case, symptom: Symptom) -> dict[str, str]:
    """Return the template values of a problem: its title, id, place and evidence."""
    certainty = "" if symptom in case.findings else f" ({symptom.certainty})"
    return {
        "title": sentence(heading(symptom)).rstrip(".") + certainty,
        "id": symptom.id,
        "place": place(symptom.where, symptom.module, working_directory(case)),
        "sentence": sentence(symptom.sentence),
    }


def _patch_values(case: Case, store: str) -> dict[str, Any] | None:
    """Return the template values of the proved fix, or else of the first untried remedy; None if there is neither."""
    untried = case.proof.untried[0] if case.proof.untried and not case.fix else None
    diff = untried.patch if untried else case.fix.patch if case.fix else ""
    if not diff:
        return None
    lines = read_source_diff(diff)
    if case.streamed:  # The path is that of a temporary file.
        lines = [line for line in lines if line.kind not in ("file", "hunk")]
    return {
        "title": f"Not tried, so its effect is unknown: {one_line(untried.label)}" if untried else "The proved fix",
        "summary": summarise_diff(diff).rpartition(", ")[2] if case.streamed else summarise_diff(diff),
        "lines": list(islice(lines, MOST_LINES)),
        "left_out": max(0, len(lines) - MOST_LINES),
        "apply": "" if case.streamed or untried else command("apply", case, store),
    }
