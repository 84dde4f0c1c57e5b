"""The report in SARIF 2.1.0, the format of code scanning: one rule a problem, one result a finding, the patch as fixes.

Reference: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0, Errata 01. Section numbers are its.
"""

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from descend.core.temporary import is_in_temporary_folder
from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case, CaseStatus
from descend.doctor.redaction import mask_secrets, mask_secrets_in
from descend.doctor.report.background import problem_text, remedy_reasons, untried_remedies
from descend.doctor.report.formats.next_steps import agent_verdict
from descend.doctor.report.formats.repository import path_in_repository, script_file
from descend.doctor.report.formatting import cell_and_line, one_line, sentence
from descend.doctor.report.patches import patches
from descend.doctor.report.performed_checks import select_checks
from descend.doctor.report.titles import heading, title
from descend.doctor.report.verdict import failure_message, verdict
from descend.doctor.script.file_change import FileChange

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"  # name of the folder to which paths are relative: the root of the repository
Json = dict[str, Any]


def render_sarif(case: Case) -> str:
    """Return the report on a case as the text of a SARIF log file.

    A finding is a result of kind "fail", an open suspicion one of kind "review". A run without problems has no result.
    """
    symptoms = [*case.findings, *case.undecided_suspicions]
    ids = list(dict.fromkeys(symptom.id for symptom in symptoms))
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "descend",
                        "version": version("descend"),
                        "rules": [_rule(case, name) for name in ids],
                    }
                },
                "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
                "columnKind": "unicodeCodePoints",
                "invocations": [_invocation(case)],
                "results": [_result(case, symptom, ids.index(symptom.id)) for symptom in symptoms],
                "properties": {"status": case.status, "verdict": agent_verdict(case), "summary": verdict(case)},
            }
        ],
    }
    return json.dumps(mask_secrets_in(log), allow_nan=False, ensure_ascii=False, indent=2)


def _rule(case: Case, problem: str) -> Json:
    """Return the description of a problem (§3.49): title, nature and why its remedies work."""
    text = problem_text(problem) or sentence(title(problem))
    help_text = "\n".join(
        [
            text,
            *remedy_reasons(case, problem),
            *untried_remedies(case, problem),
            f"More: descend explain {one_line(problem)}",
        ]
    )
    return {
        "id": one_line(problem),
        "shortDescription": {"text": sentence(title(problem))},
        "fullDescription": {"text": text},
        "help": {"text": help_text},
        "defaultConfiguration": {"level": "warning"},
    }


def _result(case: Case, symptom: Symptom, rule: int) -> Json:
    """Return a finding or an open suspicion as a result (§3.27)."""
    is_finding = symptom in case.findings
    level = ("error" if symptom.certain else "warning") if is_finding else "none"  # §3.27.10: none unless it fails
    result = {
        "ruleId": one_line(symptom.id),
        "ruleIndex": rule,
        "kind": "fail" if is_finding else "review",
        "level": level,
        "message": {"text": f"{sentence(heading(symptom))} {sentence(symptom.sentence)}{_cell_message(symptom)}"},
        "locations": _locations(case, symptom),
        "properties": {"certainty": symptom.certainty, "consequences": sorted(symptom.explains)},
    }
    is_fixed = case.fix is not None and symptom.id in case.fix.symptoms
    fixes = _fixes(case) if is_finding and is_fixed else []
    return result | ({"fixes": fixes} if fixes else {})


def _cell_message(symptom: Symptom) -> str:
    """Return the notebook cell of a symptom as a sentence, because SARIF has no region for it; "" for other files."""
    cell, line = cell_and_line(symptom.where) if symptom.where else (None, None)
    return "" if cell is None else f" It is in cell {cell}, line {line}."


def _locations(case: Case, symptom: Symptom) -> list[Json]:
    """Return the place of a symptom (§3.28). Without a line, it is the file of the first recorded call or the script.

    GitHub accepts no result without a location.
    """
    site = symptom.where
    calls = [call.file for call in case.record.sites if call.file]
    file = site.file if site else next(iter(calls), "") or script_file(case)
    place: Json = {"artifactLocation": _artifact(case, file)}
    if site is not None and cell_and_line(site)[0] is None and site.line > 0:
        place["region"] = {"startLine": site.line, "endLine": max(site.line, site.end_line)}
    location: Json = {"physicalLocation": place}
    if symptom.module:
        location["logicalLocations"] = [{"fullyQualifiedName": one_line(symptom.module), "kind": "module"}]
    return [location]


def _artifact(case: Case, file: str) -> Json:
    """Return the location of a file (§3.4): relative to the root of the repository, or an absolute URI outside of it.

    The name of a file that does not exist, such as that of a script from standard input, is relative to no folder.
    """
    path = Path(path_in_repository(case, file))
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(os.fsencode(path)), **({} if is_in_temporary_folder(Path(file)) else {"uriBaseId": ROOT})}


def _fixes(case: Case) -> list[Json]:
    """Return the proved patch as a fix (§3.55); an empty list if it is unknown or changes a line with a secret.

    In such a line the secret would be masked, so that applying the fix would overwrite it.
    """
    changes = case.changes
    texts = [text for change in changes for _, _, text in change.lines]
    if not case.patch or not changes or any(mask_secrets(text) != text for text in texts):
        return []
    return [
        {
            "description": {"text": sentence(patches(case)[0].sentence)},
            "artifactChanges": [_artifact_change(case, change) for change in changes],
        }
    ]


def _artifact_change(case: Case, change: FileChange) -> Json:
    """Return the changes of one file (§3.56), which replace whole lines. SARIF counts lines and columns from 1."""
    return {
        "artifactLocation": _artifact(case, change.file),
        "replacements": [
            {
                "deletedRegion": {"startLine": start + 1, "startColumn": 1, "endLine": end + 1, "endColumn": 1},
                "insertedContent": {"text": text},
            }
            for start, end, text in change.lines
        ],
    }


def _invocation(case: Case) -> Json:
    """Return how the diagnosis went (§3.20): a failure of the script, and the problems that were not checked."""
    failed = case.status == CaseStatus.SCRIPT_FAILED
    failure = {"level": "error", "message": {"text": sentence(failure_message(case))}} if failed else None
    return {
        "executionSuccessful": not (failed or case.proof.interrupted),
        "toolExecutionNotifications": [failure] if failure else [],
        "toolConfigurationNotifications": [
            {
                "level": "note",
                "message": {"text": f"{sentence(title(check.symptom))} Not checked: {sentence(check.reason)}"},
                "properties": {"symptom": check.symptom},
            }
            for check in select_checks(case, "not_checked")
        ],
    }
