"""The report as one self-contained HTML file, readable offline.

Verdict first, then each finding with its evidence, the proof, the patch, and what was measured at what cost.
The template decides how things look; here is only what it shows, as plain strings that the template escapes.
"""

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from descend.doctor.case import Case
from descend.doctor.record import Record, Site
from descend.doctor.redaction import clean, learn
from descend.doctor.redaction.sources import secrets_in
from descend.doctor.report.checked import checked_table
from descend.doctor.report.document import Figures, render, script_json, write_whole
from descend.doctor.report.floors_picture import floors
from descend.doctor.report.lecture import nature, reasons, ruled_out
from descend.doctor.report.ledger import ledger
from descend.doctor.report.loss_picture import LOSS_FLOOR
from descend.doctor.report.observed import observed
from descend.doctor.report.own_picture import own_numbers
from descend.doctor.report.patch import read_diff, summarise_diff
from descend.doctor.report.patches import Patch, patches
from descend.doctor.report.pictures import course, picture
from descend.doctor.report.proof import decisive_trial, proof_picture
from descend.doctor.report.stability_picture import stability
from descend.doctor.report.titles import heading, title
from descend.doctor.report.trial_table import legend, trial_rows
from descend.doctor.report.verdict import causes, change, headline, is_clean, refutation, verdict
from descend.doctor.report.wording import (
    interval,
    number,
    one_line,
    percent,
    place,
    plain_name,
    root_of,
    sentence,
    taken_off,
)
from descend.doctor.script.script import read_source
from descend.doctor.symptoms import Symptom
from descend.doctor.trials.trial import TrialRun
from descend.ground.errors import UsageError

EXCERPT_MARGIN = 2  # lines shown above and below the line that a finding points to
LONGEST_EXCERPT = 12
OF_CURVATURE = {"instability", "inputs_not_normalised"}  # findings whose own pictures show α·λmax,
OF_FLOORS = {"blocked_signal", "unreachable_loss"}  # the floors along the graph,
OF_OWN_NUMBERS = {"wrong_objective"}  # what the script prints


def render_page(case: Case, trial_runs: Mapping[int, Record]) -> str:
    """Return the report as one HTML document without any outside reference.

    trial_runs: the records of the trials' runs, by `TrialRun.run`; runs that are missing are left out of the curves.
    """
    figures = Figures()
    records = {case.record.run: case.record, **trial_runs}  # a trial's first pair has the case's own run
    return render("page.html", figures, **_contents(case, records, figures))


def write_page(case: Case, trial_runs: Mapping[int, Record], path: Path) -> None:
    """Write the report to `path`, whole or not at all. Raises `UsageError` when it cannot be written."""
    write_whole(render_page(case, trial_runs), path)


def _contents(case: Case, trial_runs: Mapping[int, Record], figures: Figures) -> dict[str, Any]:
    standing = causes(case)
    failed = case.status == "script_failed"
    drawn = {finding.id for finding in case.findings}
    refuted = {symptom.id: sentence(refutation(symptom, trial)) for symptom, trial in case.refuted}
    return {
        "headline": headline(case),
        "tone": "cause" if case.findings or failed else "cure" if is_clean(case) else "faint",
        "verdict": sentence(verdict(case)),
        "observed": observed(case) if case.record.steps else "",
        "script": one_line(case.record.script),
        "error": case.record.ending.error if failed and case.record.ending else "",
        "course": None if standing else figures.take(course(case.record)),
        "findings": [_finding(case, finding, figures) for finding in standing],
        "suspicions": [
            _brief(case, s) | {"ruled_out": ruled_out(case, s), "refuted": refuted.get(s.id, "")}
            for s in case.suspicions
        ],
        "proof": _proof(case, trial_runs, figures),
        "own_numbers": None if drawn & OF_OWN_NUMBERS else figures.take(own_numbers(case.record)),  # in the order
        "floors": None if drawn & OF_FLOORS or not case.findings else figures.take(floors(case.record)),
        "curvature": None if drawn & OF_CURVATURE else figures.take(stability(case.record)),  # of the page
        "trials": trial_rows(case.trials),
        "legend": sentence(legend(case.trials)),
        "patch": _patch(case),
        "further": [_further(patch) for patch in patches(case) if patch.kind != "cure"],
        "checked": checked_table(case),
        "ledger": ledger(case),
    }


def _finding(case: Case, finding: Symptom, figures: Figures) -> dict[str, Any]:
    folded = {other.id: other for other in case.findings if other.id in finding.explains}
    return {
        **_brief(case, finding),
        "excerpt": _excerpt(finding.where),
        "nature": nature(finding.id),
        "reasons": reasons(case, finding.id),
        "figure": figures.take(picture(case.record, finding)),
        "explains": [
            _brief(case, folded[id]) | {"figure": figures.take(picture(case.record, folded[id]))}
            for id in sorted(finding.explains & folded.keys())
        ],
        "implies": "; ".join(title(id) for id in sorted(finding.explains - folded.keys())),
    }


def _brief(case: Case, symptom: Symptom) -> dict[str, Any]:
    is_floor = symptom.quantity == LOSS_FLOOR
    return {
        "id": symptom.id,
        "title": sentence(heading(symptom)).rstrip("."),
        "sentence": sentence(symptom.sentence),
        "place": place(symptom.where, symptom.module, root_of(case)),
        "module": one_line(symptom.module) if symptom.where else "",
        "quantity": "measured" if is_floor else plain_name(symptom.quantity),
        "value": number(symptom.value),
        "bound": number(symptom.bound) if isfinite(symptom.bound) else "",
        "bound_name": "floor" if is_floor else "bound",
        "source": sentence(symptom.source).rstrip("."),
        "standing": symptom.standing,
    }


def _excerpt(site: Site | None) -> dict[str, Any] | None:
    """Return the lines around a site with their numbers; None when the file cannot be read any more."""
    if site is None:
        return None
    try:
        whole = read_source(Path(site.file))
    except (OSError, UsageError):
        return None
    learn(secrets_in(Path(site.file), whole))  # a value may be hidden by what is written several lines above it
    text = clean(whole)
    source = re.split("\r\n|\r|\n", text)  # as Python counts; splitlines splits at more
    last = max(site.line, min(site.end_line, site.line + LONGEST_EXCERPT))
    numbers = range(max(1, site.line - EXCERPT_MARGIN), min(len(source), last + EXCERPT_MARGIN) + 1)
    lines = [{"number": n, "text": source[n - 1], "marked": site.line <= n <= last} for n in numbers]
    return {"lines": lines} if site.line <= len(source) else None


def _proof(case: Case, trial_runs: Mapping[int, Record], figures: Figures) -> dict[str, Any] | None:
    trial = decisive_trial(case)
    if trial is None:
        return None
    known = [(a.accuracy, b.accuracy) for a, b in zip(trial.baseline, trial.treated)]
    pairs = [(before, after) for before, after in known if before is not None and after is not None]
    means = [sum(column) / len(pairs) for column in zip(*pairs)] if pairs else []
    return {
        "label": sentence(trial.label).rstrip("."),
        "metric": one_line(trial.metric),
        "change": change(trial),
        "gain": taken_off(trial.gain),
        "interval": interval(*trial.interval),
        "difference": interval(*trial.difference),
        "seeds": ", ".join(str(seed) for seed in trial.seeds),
        "accuracy": f"{percent(means[0], 1)} → {percent(means[1], 1)}" if means else "",
        "verdict": trial.verdict,
        "paired": [trial_run.seed for trial_run in trial.baseline] == [trial_run.seed for trial_run in trial.treated],
        "same_steps": _longest(trial.baseline, trial_runs) == _longest(trial.treated, trial_runs) > 0,
        "figure": figures.take(proof_picture(trial, trial_runs, case.record)),
    }


FURTHER = {
    "tuning": "What tuning adds",
    "not_proved": "A change that is not proved",
    "suggestion": "What would make it a little better",
}


def _longest(side: Sequence[TrialRun], trial_runs: Mapping[int, Record]) -> int:
    """Return how many steps a trial run took that was not ended early; 0 where no record is at hand."""
    return max((trial_runs[trial_run.run].steps for trial_run in side if trial_run.run in trial_runs), default=0)


def _further(patch: Patch) -> dict[str, Any]:
    """Return a patch that --apply does not write."""
    return {
        "title": FURTHER[patch.kind],
        "sentence": sentence(patch.sentence),
        "summary": summarise_diff(patch.diff),
        "file": patch.file,
        "lines": read_diff(patch.diff),
    }


def _patch(case: Case) -> dict[str, Any] | None:
    patch = case.patch
    if not patch:
        return None
    verified = sentence(case.verified)
    lines = read_diff(patch)
    return {
        "run": case.record.run,
        "json": script_json(patch),
        "lines": lines,
        "summary": summarise_diff(patch),
        "verified": verified,
    }
