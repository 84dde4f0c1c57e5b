"""The report in SARIF 2.1.0: the rules of the specification, and that the fix is the proved patch."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cases import altered, dead_units, inputs_not_normalised, instability_symptom
from endings import failed_script, healthy
from odd_cases import ALL

from descend.core.temporary import temporary_folder
from descend.doctor.catalog import CATALOG
from descend.doctor.report.formats import render
from descend.doctor.report.formats.sarif import render_sarif
from descend.doctor.script.file_change import changes_of
from descend.doctor.script.script import read_source

# The parts of the official schema that a log of descend uses: every key is known, required keys are there.
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
ARTIFACT = {"uri": {"type": "string", "format": "uri-reference"}, "uriBaseId": {"type": "string"}}
COUNT = {"type": "integer", "minimum": 1}


def strict(required: str, **properties: Any) -> dict[str, Any]:
    """Return the schema of an object with these properties and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required.split(),
        "properties": {**properties, "properties": {"type": "object"}},
    }


def each(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


REGION = strict("startLine", startLine=COUNT, startColumn=COUNT, endLine=COUNT, endColumn=COUNT)
PLACE = strict("artifactLocation", artifactLocation=strict("uri", **ARTIFACT), region=REGION)
LOCATION = strict("physicalLocation", physicalLocation=PLACE, logicalLocations=each({"type": "object"}))
REPLACEMENT = strict("deletedRegion", deletedRegion=REGION, insertedContent=TEXT | {"properties": {}})
CHANGE = strict(
    "artifactLocation replacements",
    artifactLocation=strict("uri", **ARTIFACT),
    replacements={**each(REPLACEMENT), "minItems": 1},
)
FIX = strict("artifactChanges", description=TEXT, artifactChanges={**each(CHANGE), "minItems": 1})
RESULT = strict(
    "message ruleId",
    ruleId={"type": "string"},
    ruleIndex={"type": "integer", "minimum": 0},
    kind={"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
    level=LEVEL,
    message=TEXT,
    locations=each(LOCATION),
    fixes=each(FIX),
)
RULE = strict(
    "id", id={"type": "string"}, shortDescription=TEXT, fullDescription=TEXT, help=TEXT,
    defaultConfiguration=strict("level", level=LEVEL),
)  # fmt: skip
NOTIFICATION = strict("message", level=LEVEL, message=TEXT)
INVOCATION = strict(
    "executionSuccessful",
    executionSuccessful={"type": "boolean"},
    toolExecutionNotifications=each(NOTIFICATION),
    toolConfigurationNotifications=each(NOTIFICATION),
)
DRIVER = strict("name", name={"type": "string"}, version={"type": "string"}, rules={**each(RULE), "uniqueItems": True})
RUN = strict(
    "tool results",
    tool=strict("driver", driver=DRIVER),
    originalUriBaseIds={"type": "object"},
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    invocations=each(INVOCATION),
    results=each(RESULT),
)
LOG = strict("version runs", version={"enum": ["2.1.0"]}, runs=each(RUN)) | {"additionalProperties": True}


def run_of(case) -> dict[str, Any]:
    return json.loads(render_sarif(case))["runs"][0]


def with_changes(case):
    return replace(case, changes=changes_of(case.fix.script))


@pytest.mark.parametrize("name", ALL)
def test_each_case_follows_the_schema_and_the_rules_of_the_specification(name, tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    case = ALL[name](tmp_path)
    case = with_changes(case) if case.fix else case
    log = json.loads(render_sarif(case))
    jsonschema.Draft202012Validator(LOG, format_checker=jsonschema.FormatChecker()).validate(log)
    [run] = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules) and len(run["results"]) == len(case.findings) + len(case.undecided_suspicions)
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert (result["kind"] == "fail") or result["level"] == "none"  # §3.27.10
        for location in result["locations"]:
            artifact = location["physicalLocation"]["artifactLocation"]
            assert "uriBaseId" not in artifact or artifact["uriBaseId"] in run["originalUriBaseIds"]


def test_a_rule_has_the_problems_id_and_its_help(tmp_path):
    rules = run_of(inputs_not_normalised(tmp_path))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["inputs_not_normalised", "instability"]
    for rule in rules:
        assert " ".join(CATALOG[rule["id"]].nature.split()) == rule["fullDescription"]["text"]
        assert f"descend explain {rule['id']}" in rule["help"]["text"]


def test_findings_fail_and_open_suspicions_are_for_review(tmp_path):
    first, second = run_of(inputs_not_normalised(tmp_path))["results"]
    assert (first["kind"], first["level"], second["level"]) == ("fail", "error", "warning")
    assert first["locations"][0]["physicalLocation"]["region"] == {"startLine": 7, "endLine": 7}
    suspected = altered(healthy(tmp_path), suspicions=(replace(instability_symptom(tmp_path), likely=True),))
    [review] = run_of(suspected)["results"]
    assert (review["kind"], review["level"]) == ("review", "none")
    assert run_of(healthy(tmp_path))["results"] == []


def test_the_fix_applied_as_sarif_says_is_the_patched_script(tmp_path):
    case = with_changes(inputs_not_normalised(tmp_path))
    results = run_of(case)["results"]
    assert ["fixes" in result for result in results] == [True, False]
    [change] = results[0]["fixes"][0]["artifactChanges"]
    path = tmp_path / change["artifactLocation"]["uri"]
    lines = path.read_text().splitlines(keepends=True)
    for replacement in reversed(change["replacements"]):
        region = replacement["deletedRegion"]
        assert region["startColumn"] == region["endColumn"] == 1
        lines[region["startLine"] - 1 : region["endLine"] - 1] = [replacement["insertedContent"]["text"]]
    assert "".join(lines) == case.fix.script.read(path)


def test_a_fix_with_a_masked_secret_is_left_out(tmp_path):
    case = with_changes(inputs_not_normalised(tmp_path))
    secret = 'api_key = "ghp_' + "a1B2" * 9 + '"\n'
    [change] = case.changes
    hidden = replace(case, changes=(replace(change, lines=((0, 0, secret),)),))
    text = render_sarif(hidden)
    assert secret.split('"')[1] not in text and '"fixes"' not in text
    assert '"fixes"' not in render_sarif(replace(case, streamed=True)) and '"fixes"' in render_sarif(case)


def test_paths_are_relative_encoded_uris(tmp_path):
    case = inputs_not_normalised(tmp_path)
    odd = Path(tmp_path, "a folder", "é #1.py")
    inside, outside = (replace(case.findings[0].where, file=str(file)) for file in (odd, Path("/else where/b.py")))
    for site, uri in ((inside, "a%20folder/%C3%A9%20%231.py"), (outside, "file:///else%20where/b.py")):
        [result, _] = run_of(altered(case, findings=(replace(case.findings[0], where=site), case.findings[1])))[
            "results"
        ]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def with_site(case, file):
    """Return the case with its first finding at a line of another file."""
    site = replace(case.findings[0].where, file=str(file))
    return altered(case, findings=(replace(case.findings[0], where=site),))


def artifact_of(case) -> dict[str, str]:
    """Return where SARIF places the first finding, after checking that the GitHub annotation agrees."""
    artifact = run_of(case)["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert f"file={artifact['uri']}," in render(case, "github", ".descend").splitlines()[0]
    return artifact


@pytest.mark.parametrize("marked", ["work tree", "workspace"])
def test_code_hosts_get_paths_from_the_root_of_the_repository(marked, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path) if marked == "workspace" else "")
    if marked == "work tree":
        (tmp_path / ".git").write_text("gitdir: elsewhere")
    case = inputs_not_normalised(tmp_path / "training")
    assert artifact_of(case) == {"uri": "training/train.py", "uriBaseId": "%SRCROOT%"}
    assert artifact_of(with_site(case, tmp_path / "data.py")) == {"uri": "data.py", "uriBaseId": "%SRCROOT%"}


def test_a_script_without_a_file_is_named_without_its_temporary_folder(tmp_path):
    case = replace(inputs_not_normalised(tmp_path), streamed=True)
    with temporary_folder() as folder:
        assert artifact_of(with_site(case, folder / "stdin.py")) == {"uri": "stdin.py"}


@pytest.mark.parametrize(
    ("command", "uri"),
    [("train.py --lr 1", "train.py"), ("-m package.train", "package/train.py"), ("'my train.py'", "my%20train.py")],
)
def test_a_finding_without_any_recorded_call_names_the_script(command, uri, tmp_path):
    case = dead_units(tmp_path)
    case.record.sites.clear()
    case.record.script = command
    [location] = run_of(case)["results"][0]["locations"]
    assert location["physicalLocation"]["artifactLocation"] == {"uri": uri, "uriBaseId": "%SRCROOT%"}


def test_a_finding_without_a_line_names_its_module_and_a_file(tmp_path):
    [location] = run_of(dead_units(tmp_path))["results"][0]["locations"]
    assert location["logicalLocations"] == [{"fullyQualifiedName": "encoder.3", "kind": "module"}]
    assert location["physicalLocation"] == {"artifactLocation": {"uri": "train.py", "uriBaseId": "%SRCROOT%"}}


def test_a_failed_script_and_unmade_checks_are_notifications(tmp_path):
    [invocation] = run_of(failed_script(tmp_path))["invocations"]
    assert not invocation["executionSuccessful"]
    assert "ValueError" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    case = healthy(tmp_path)
    [invocation] = run_of(case)["invocations"]
    unmade = [check.symptom for check in case.checks if check.outcome == "not_checked"]
    named = [note["properties"]["symptom"] for note in invocation["toolConfigurationNotifications"]]
    assert invocation["executionSuccessful"] and named == unmade != []


def test_a_finding_in_a_notebook_names_the_cell_and_has_no_region(tmp_path):
    case = inputs_not_normalised(tmp_path)
    cells = [
        {"cell_type": "code", "source": text, "metadata": {}, "outputs": []} for text in ("import torch", "a = 1\nb")
    ]
    notebook = tmp_path / "train.ipynb"
    notebook.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    line = read_source(notebook).splitlines().index("b") + 1
    site = replace(case.findings[0].where, file=str(notebook), line=line)
    case = altered(case, findings=(replace(case.findings[0], where=site),))
    [result] = run_of(case)["results"]
    assert result["message"]["text"].endswith("It is in cell 2, line 2.")
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "train.ipynb", "uriBaseId": "%SRCROOT%"}
    }
    first = render(case, "github", ".descend").splitlines()[0]
    assert first.startswith("::error file=train.ipynb,title=") and "(cell 2, line 2)" in first
