"""The report as workflow commands of GitHub Actions, which GitHub shows as annotations of the changed lines.

Reference: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from collections.abc import Iterator
from typing import Literal

from descend.core.control_characters import escape_control_characters
from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case, CaseStatus
from descend.doctor.redaction import mask_secrets
from descend.doctor.report.formats.repository import path_in_repository, script_file
from descend.doctor.report.formatting import cell_and_line, sentence
from descend.doctor.report.titles import heading
from descend.doctor.report.verdict import headline, verdict

Level = Literal["error", "warning", "notice"]


def render_github(case: Case) -> str:
    """Return one annotation for the verdict and one for each finding and each open suspicion.

    A certain finding is an error, another finding or a suspicion a warning. The verdict is a notice, or an error if the
    script failed.
    """
    return "\n".join(_annotations(case))


def _annotations(case: Case) -> Iterator[str]:
    """Yield the annotations, the verdict last."""
    for finding in case.findings:
        yield _finding_annotation(case, finding, "error" if finding.certain else "warning")
    for suspicion in case.undecided_suspicions:
        yield _finding_annotation(case, suspicion, "warning")
    level: Level = "error" if case.status == CaseStatus.SCRIPT_FAILED else "notice"
    yield annotation(level, {"title": f"descend: {headline(case)}"}, sentence(verdict(case)))


def _finding_annotation(case: Case, finding: Symptom, level: Level) -> str:
    """Return the annotation of a finding at its file and line, with the proved patch if that fixes it.

    Without a known line, it is an annotation of the script's file.
    """
    text = sentence(finding.sentence)
    properties = {}
    if finding.where is not None:
        cell, line = cell_and_line(finding.where)
        properties["file"] = path_in_repository(case, finding.where.file)
        if cell is None:
            properties["line"] = str(line)
        else:
            text += f" (cell {cell}, line {line})"
    else:
        properties["file"] = path_in_repository(case, script_file(case))
        text += f" (module {finding.module})" if finding.module else ""
    properties["title"] = f"{sentence(heading(finding)).rstrip('.')} [{finding.id}]"
    if case.patch and case.fix and finding.id in case.fix.symptoms:
        text += f"\n\nProved patch:\n{case.patch}"
    return annotation(level, properties, text)


def annotation(level: Level, properties: dict[str, str], text: str) -> str:
    """Return one workflow command with its values escaped."""
    settings = ",".join(f"{name}={_escape(value, is_property=True)}" for name, value in properties.items())
    return f"::{level} {settings}::{_escape(text)}"


def _escape(text: str, *, is_property: bool = False) -> str:
    """Return a text as the runner reads it: percent signs and line ends encoded, in a property also `:` and `,`."""
    encoded = escape_control_characters(mask_secrets(text))
    for character, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        encoded = encoded.replace(character, code)
    return encoded.replace(":", "%3A").replace(",", "%2C") if is_property else encoded
