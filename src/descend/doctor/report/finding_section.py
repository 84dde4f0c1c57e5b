"""The section of the page on a finding: evidence, source lines, figure, consequences, and why its remedies work."""

import re
from math import isfinite
from pathlib import Path
from typing import Any

from descend.core.errors import UsageError
from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case
from descend.doctor.record import Site
from descend.doctor.redaction import mask_secrets, remember_secrets
from descend.doctor.redaction.sources import secrets_in_file
from descend.doctor.report.background import problem_text, remedy_reasons
from descend.doctor.report.document import Figures
from descend.doctor.report.finding_figures import finding_figure
from descend.doctor.report.formatting import one_line, place, plain_name, sentence, working_directory
from descend.doctor.report.output_loss_figure import LOSS_FLOOR
from descend.doctor.report.quantities import value_with_unit
from descend.doctor.report.titles import heading, title_with_id
from descend.doctor.script.script import read_source

EXCERPT_MARGIN = 2  # number of source lines that are shown above and below the line of a finding
LONGEST_EXCERPT = 12


def finding_values(case: Case, finding: Symptom, figures: Figures) -> dict[str, Any]:
    """Return the template values of a finding: evidence, source lines, figure, consequences, and why remedies work."""
    folded = {other.id: other for other in case.findings if other.id in finding.explains}
    return {
        **symptom_values(case, finding),
        "excerpt": _source_excerpt(finding.where),
        "problem_text": problem_text(finding.id),
        "reasons": remedy_reasons(case, finding.id),
        "figure": figures.add(finding_figure(case.record, finding)),
        "explains": [
            symptom_values(case, folded[id]) | {"figure": figures.add(finding_figure(case.record, folded[id]))}
            for id in sorted(finding.explains & folded.keys())
        ],
        "implies": "; ".join(title_with_id(id) for id in sorted(finding.explains - folded.keys())),
    }


def symptom_values(case: Case, symptom: Symptom) -> dict[str, Any]:
    """Return the template values of a finding or suspected problem: title, sentence, location, measured value."""
    is_floor = symptom.quantity == LOSS_FLOOR
    return {
        "id": symptom.id,
        "title": sentence(heading(symptom)).rstrip("."),
        "sentence": sentence(symptom.sentence),
        "place": place(symptom.where, symptom.module, working_directory(case)),
        "module": one_line(symptom.module) if symptom.where else "",
        "quantity": "measured" if is_floor else plain_name(symptom.quantity),
        "value": value_with_unit(symptom.quantity, symptom.value),
        "bound": value_with_unit(symptom.quantity, symptom.bound) if isfinite(symptom.bound) else "",
        "bound_name": "lowest reachable" if is_floor else "limit",
        "source": sentence(symptom.source).rstrip("."),
        "certainty": symptom.certainty,
    }


def _source_excerpt(site: Site | None) -> dict[str, Any] | None:
    """Return the numbered source lines around the line of a finding; None if the file cannot be read."""
    if site is None:
        return None
    try:
        whole = read_source(Path(site.file))
    except (OSError, UsageError):
        return None
    # Secrets are searched in the whole file: an assignment outside the excerpt may show that a value in it is secret.
    remember_secrets(secrets_in_file(Path(site.file), whole))
    text = mask_secrets(whole)
    # Python ends a line at fewer characters than str.splitlines does.
    source = re.split("\r\n|\r|\n", text)
    last = max(site.line, min(site.end_line, site.line + LONGEST_EXCERPT))
    numbers = range(max(1, site.line - EXCERPT_MARGIN), min(len(source), last + EXCERPT_MARGIN) + 1)
    lines = [{"number": n, "text": source[n - 1], "marked": site.line <= n <= last} for n in numbers]
    return {"lines": lines} if site.line <= len(source) else None
