"""The report as one self-contained HTML file that can be read offline and needs no JavaScript.

The order is: verdict, patch, proof, the evidence for each finding, and then what else was tried, what was checked, and
what was measured at what cost. This module computes the values as plain strings; the template lays them out.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from descend.doctor.case import Case, CaseStatus
from descend.doctor.record import Record
from descend.doctor.report.background import best_trial_message, untried_remedies
from descend.doctor.report.causes import causes
from descend.doctor.report.console import STORE, command
from descend.doctor.report.document import Figures, render, script_json, write_document
from descend.doctor.report.finding_section import finding_values, symptom_values
from descend.doctor.report.formats.markdown import render_markdown
from descend.doctor.report.formatting import one_line, sentence
from descend.doctor.report.learning_rate_figure import run_figure
from descend.doctor.report.left_out import left_out_message
from descend.doctor.report.logged_metric_figure import logged_metrics_figure
from descend.doctor.report.measurement_tables import measurement_tables
from descend.doctor.report.observed_steps import observed_message
from descend.doctor.report.patches import Patch, patches
from descend.doctor.report.performed_checks import checks_table
from descend.doctor.report.proof_section import proof_values
from descend.doctor.report.reachable_loss_figure import reachable_loss_figure
from descend.doctor.report.run_settings import run_settings
from descend.doctor.report.stability_figure import stability_figure
from descend.doctor.report.titles import title_with_id
from descend.doctor.report.trial_table import table_legend, trial_tables, unjudged_trials
from descend.doctor.report.unified_diff import read_diff, summarise_diff
from descend.doctor.report.verdict import headline, is_clean, refutation_message, verdict

# Findings that have their own figure of the curvature, the reachable losses or the logged metrics. The page
# then does not draw the same figure again.
WITH_CURVATURE = {"instability", "inputs_not_normalised"}
WITH_REACHABLE_LOSSES = {"blocked_signal", "unreachable_loss"}
WITH_LOGGED_METRICS = {"wrong_objective"}
OTHER_PATCH_TITLES = {
    "tuning": "Further improvement by tuning",
    "not_proved": "An unproved change",
    "suggestion": "A small improvement",
    "untried": "An untried change",
}


def render_page(case: Case, trial_runs: Mapping[int, Record], store: str = str(STORE)) -> str:
    """Return the report on a case as an HTML document that needs no other file and no network.

    trial_runs: the records of the trial runs, by `TrialRun.run`; runs without a record are left out of the curves.
    store: the value of `--store` with which the run is found.
    """
    figures = Figures(is_static=True)
    # Each trial also compares the baseline run, which is not in `trial_runs`.
    records = {case.record.run: case.record, **trial_runs}
    return render("page.html", figures, **_template_values(case, records, figures, store))


def write_page(case: Case, trial_runs: Mapping[int, Record], path: Path, store: str = str(STORE)) -> None:
    """Write the report as an HTML file to `path`. Raise `UsageError` if the file cannot be written."""
    write_document(render_page(case, trial_runs, store), path)


def _template_values(case: Case, trial_runs: Mapping[int, Record], figures: Figures, store: str) -> dict[str, Any]:
    """Return the values that are filled into the HTML template of the report, and number the figures in its order."""
    problems = causes(case)
    failed = case.status == CaseStatus.SCRIPT_FAILED
    # The figures are numbered in the order in which the next three lines add them.
    proof = proof_values(case, trial_runs, figures)
    findings = [finding_values(case, finding, figures) for finding in problems]
    run_figures = _run_figures(case, figures)
    return {
        "headline": headline(case),
        "tone": "cause" if case.findings or failed else "cure" if is_clean(case) else "faint",
        "verdict": sentence(verdict(case)),
        "observed": observed_message(case, with_time=False) if case.record.steps else "",
        "settings": run_settings(case.record),
        "script": one_line(case.record.script),
        "error": case.record.ending.error if failed and case.record.ending else "",
        "patch": _fix_values(case, store),
        "proof": proof,
        "findings": findings,
        "run_figures": run_figures,
        "trial_tables": trial_tables(case.trials) if any(trial is not case.fix for trial in case.trials) else [],
        "unjudged": unjudged_trials(case.trials),
        "legend": sentence(table_legend(case.trials)),
        "other_patches": [_other_patch_values(patch) for patch in patches(case) if patch.kind != "fix"],
        "left_out": sentence(left_out_message(case)),
        "left_out_remedies": [one_line(remedy.label) for remedy in case.proof.untried],
        "other_remedies": [] if case.proof.limit else _untried_values(case),
        "suspicions": _suspicion_values(case),
        "checked": checks_table(case),
        "tables": measurement_tables(case),
        "copied": _copied_texts(case, store),
    }


def _run_figures(case: Case, figures: Figures) -> list[tuple[str, dict[str, Any]]]:
    """Return the headings and figures of what was measured over the run, without figures that a finding shows."""
    finding_ids, record = {finding.id for finding in case.findings}, case.record
    titled_figures = [
        ("The run", run_figure(record, with_loss=not case.findings)),
        ("Metrics that the script logs", None if finding_ids & WITH_LOGGED_METRICS else logged_metrics_figure(record)),
        (
            "The lowest reachable loss",
            None if finding_ids & WITH_REACHABLE_LOSSES or not case.findings else reachable_loss_figure(record),
        ),
        ("The curvature", None if finding_ids & WITH_CURVATURE else stability_figure(record)),
    ]
    return [(name, template_value) for name, figure in titled_figures if (template_value := figures.add(figure))]


def _suspicion_values(case: Case) -> list[dict[str, Any]]:
    """Return the template values of the suspected problems, each with the trial that speaks against it."""
    refuted = {symptom.id: sentence(refutation_message(symptom, trial)) for symptom, trial in case.withdrawn_findings}
    return [
        symptom_values(case, s) | {"best_remedy": best_trial_message(case, s), "refuted": refuted.get(s.id, "")}
        for s in case.suspicions
    ]


def _untried_values(case: Case) -> list[dict[str, Any]]:
    """Return, for each finding, its title and the remedies that were not tried."""
    titled_remedies = [(title_with_id(finding.id), untried_remedies(case, finding.id)) for finding in causes(case)]
    return [
        {"title": sentence(title).rstrip("."), "remedies": remedies} for title, remedies in titled_remedies if remedies
    ]


def _fix_values(case: Case, store: str) -> dict[str, Any] | None:
    """Return the template values of the patch with the proved fix; None if no fix was proved."""
    patch = case.patch
    if not patch:
        return None
    return {
        "apply": command("apply", case, store),
        "lines": read_diff(patch),
        "summary": summarise_diff(patch),
        "verified": sentence(case.proof.verified),
        "masked": patches(case)[0].masked_message,
    }


def _other_patch_values(patch: Patch) -> dict[str, Any]:
    """Return the template values of a patch that is not the proved fix, so that `descend apply` does not write it."""
    return {
        "title": OTHER_PATCH_TITLES[patch.kind],
        "sentence": sentence(patch.sentence),
        "summary": summarise_diff(patch.diff),
        "file": patch.file,
        "masked": patch.masked_message,
        "lines": read_diff(patch.diff),
    }


def _copied_texts(case: Case, store: str) -> dict[str, str]:
    """Return the texts that the page's buttons copy, as JSON, by the id of the element that holds them."""
    texts = {patch.file: patch.diff for patch in patches(case)} | {"markdown": render_markdown(case, store)}
    return {f"text-{name}": script_json(text) for name, text in texts.items()}
