"""The report as Markdown, as text for coding assistants and as GitHub annotations."""

import re
from dataclasses import replace
from typing import get_args

import pytest
from cases import altered, dead_units, inputs_not_normalised, instability_symptom, write_script
from endings import empty, failed_script, healthy
from odd_cases import ALL

from descend.core.control_characters import escape_control_characters
from descend.doctor.assess.reservations import Kind
from descend.doctor.report import render_page
from descend.doctor.report.formats import RENDERERS, render
from descend.doctor.report.formats.agent_keys import KEYS, UNDECIDED_ADVICE
from descend.doctor.report.formats.markdown import code_block, code_span, escape_markdown
from descend.doctor.report.formats.next_steps import next_commands
from descend.doctor.script.plan import Plan

STORE = ".descend"


def values(text: str, key: str) -> list[str]:
    """Return the values of a key in the format for assistants."""
    return [line.partition(": ")[2] for line in text.splitlines() if line.startswith(f"{key}: ")]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("format", RENDERERS)
def test_each_format_of_each_case_is_plain_text_that_ends_its_last_line(name, format, tmp_path):
    text = render(ALL[name](tmp_path), format, STORE)
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert "\x1b" not in text and text.encode("utf-8")
    assert format in ("json", "sarif") or escape_control_characters(text) == text


def test_each_format_names_the_finding_its_line_and_the_patch(tmp_path):
    case = inputs_not_normalised(tmp_path)
    for format in RENDERERS:
        text = render(case, format, STORE)
        assert "inputs_not_normalised" in text and "train.py" in text, format
        assert format == "sarif" or "+inputs = (inputs - inputs.mean(0)) / inputs.std(0)" in text, format


def test_an_assistant_gets_a_verdict_an_action_and_the_command_that_applies_the_patch(tmp_path):
    case = inputs_not_normalised(tmp_path)
    text = render(case, "agent", STORE)
    assert text.startswith("verdict: proved_fix\naction: Apply the patch and make no other edit.")
    assert values(text, "finding")[0] == "inputs_not_normalised | certain | train.py:7"
    assert values(text, "apply") == ["descend apply 7"] == next_commands(case, STORE)[:1]
    assert values(text, "patch") == ["train.py, +1 line | reproduced: yes"]
    assert text.endswith(f"```diff\n{case.patch}```\n")
    elsewhere = render(case, "agent", "/runs of others")
    assert values(elsewhere, "apply") == ["descend apply --store '/runs of others' 7"]


def test_nothing_to_fix_is_a_verdict_of_its_own_and_lists_the_checks(tmp_path):
    case = healthy(tmp_path)
    text = render(case, "agent", STORE)
    assert values(text, "verdict") == ["nothing_to_fix"] and values(text, "action")[0].startswith("Make no edit.")
    made = {check.symptom for check in case.checks if check.outcome == "checked"}
    assert set(values(text, "checked")[0].partition(": ")[2].split(", ")) == made != set()
    unmade = [check.symptom for check in case.checks if check.outcome == "not_checked"]
    assert [line.partition(" | ")[0] for line in values(text, "not_checked")] == unmade != []
    assert next_commands(case, STORE) == [] and "diff" not in text


def test_the_text_for_an_assistant_has_no_times(tmp_path):
    case = inputs_not_normalised(tmp_path)
    slower = replace(case, bare_s=9.0, total_s=99.0)
    slower.record.ending = replace(case.record.ending, wall_s=77.0, loop_s=66.0)
    assert render(slower, "agent", STORE) == render(inputs_not_normalised(tmp_path), "agent", STORE)


def test_an_edit_without_a_proof_is_shown_as_such(tmp_path):
    case = inputs_not_normalised(tmp_path)
    unproved = replace(case.trials[0], verdict="not_proved")
    text = render(altered(case, fix=None, trials=(unproved,)), "agent", STORE)
    assert not values(text, "patch") and not values(text, "apply")
    assert "standardise inputs" in values(text, "unproved_patch")[0] and text.endswith("```\n")


def test_a_script_from_standard_input_has_no_command_that_applies_a_patch(tmp_path):
    case = replace(inputs_not_normalised(tmp_path), streamed=True)
    text = render(case, "agent", STORE)
    assert not values(text, "apply") and "in a file" in values(text, "action")[0]
    assert next_commands(case, STORE) == ["descend explain inputs_not_normalised"]
    assert "descend doctor -" in render(case, "markdown", STORE)


def test_markdown_has_evidence_patch_reproduction_and_what_was_not_checked(tmp_path):
    case = inputs_not_normalised(tmp_path)
    text = render(case, "markdown", STORE)
    headings = re.findall("^##+ (.*)$", text, re.MULTILINE)
    assert headings == [
        "descend: Inputs are not normalised", "Evidence", "Proved patch", "How to reproduce", "What was not checked"
    ]  # fmt: skip
    assert f"```diff\n{case.patch}```" in text and "(`inputs_not_normalised`) at `train.py:7`" in text
    assert "torch 2.13.0" in text and "patch -p0 < fix.diff" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + len(case.trials) and all(row.count("|") == 6 for row in rows)


@pytest.mark.parametrize(
    "text",
    ["a|b", "<img src=x>", "*b* _i_", "[x](y)", "# h", "back\\slash", "~~s~~", "two ` ticks `` ", "@a $x$ #12"],
)
def test_markdown_in_a_text_has_no_effect(text):
    escaped = escape_markdown(text)
    without_elements = re.sub(r"<span>(.)</span>", r"\1", escaped)
    assert re.sub(r"\\(.)", r"\1", without_elements) == " ".join(text.split())
    outside = re.sub(r"\\.|`[^`]+`|<span>.</span>", "", escaped)
    assert not re.search(r"[|<>*_\[\]#~`@$]", outside)


def test_a_bar_in_code_does_not_end_a_cell_of_a_table(tmp_path):
    case = inputs_not_normalised(tmp_path)
    trial = replace(case.trials[1], label="call `a | b` of c|d")
    row = next(
        line for line in render(altered(case, trials=(trial,)), "markdown", STORE).splitlines() if "call" in line
    )
    assert row.startswith(r"| call `a \| b` of c\|d | ") and len(re.findall(r"(?<!\\)\|", row)) == 6


@pytest.fixture
def masked(tmp_path):
    """Return a case whose proved patch and unproved edit change a line with a secret."""
    case = inputs_not_normalised(tmp_path)
    secret = 'key = "ghp_' + "a1B2" * 9 + '"\n'
    script = write_script(tmp_path)
    edited = script.edit(script.path, secret + script.read(script.path))
    fix = replace(case.fix, patch=edited.diff())
    return altered(case, fix=fix, trials=(fix, *case.trials[1:]))


@pytest.mark.parametrize("format", ["markdown", "agent"])
def test_a_diff_with_a_masked_secret_is_not_offered_for_patch(masked, format):
    text = render(masked, format, STORE)
    assert "***" in text and "descend apply 7" in text and "patch -p0" not in text
    assert "fix.diff in the run's folder" in text.replace("\\", "")
    edit = replace(masked.trials[0], verdict="not_proved")
    unproved = render(altered(masked, fix=None, trials=(edit,)), format, STORE).replace("\\", "")
    assert "not_proved.diff in the run's folder" in unproved and "descend apply" not in unproved


def test_the_page_of_a_masked_diff_has_no_button_that_copies_it(masked, tmp_path):
    page, usual = render_page(masked, {}), render_page(inputs_not_normalised(tmp_path), {})
    assert "patch -p0 &lt; fix.diff" in usual and 'data-copy="text-fix.diff"' in usual
    assert "patch -p0 &lt; fix.diff" not in page and 'data-copy="text-fix.diff"' not in page
    assert "Only fix.diff in the run&#39;s folder" in page


def test_a_diff_that_contains_a_fence_stays_in_its_block(tmp_path):
    case = inputs_not_normalised(tmp_path)
    fix = replace(case.fix, patch=case.fix.patch.replace("+inputs", "+```\n+inputs"))
    assert "\n````diff\n" in render(altered(case, fix=fix, trials=(fix,)), "agent", STORE)


def test_the_command_in_markdown_has_the_options_of_the_diagnosis(tmp_path):
    plan = Plan(quick=True, steps=50, least_steps=50, seeds=3, select=("no_batch", "dead_units"), budget_s=90.0)
    case = replace(inputs_not_normalised(tmp_path), options=plan.options)
    options = "--quick --budget 90s --steps 50 --seeds 3 --select no_batch --select dead_units"
    assert f"\ndescend doctor {options} python train.py\n" in render(case, "markdown", STORE)
    assert Plan().options == ()


def test_code_in_backticks_stays_code():
    assert escape_markdown("the optimizer `opt_1` of a_b") == "the optimizer `opt_1` of a\\_b"
    assert code_span("a`b``c") == "```a`b``c```" and code_span("`a`") == "`` `a` ``"
    assert code_block("x = '```'\n", "diff") == "````diff\nx = '```'\n````"


def test_annotations_have_levels_places_and_escaped_values(tmp_path):
    case = inputs_not_normalised(tmp_path)
    lines = render(case, "github", STORE).splitlines()
    assert [line.split()[0] for line in lines] == ["::error", "::warning", "::notice"]
    assert lines[0].startswith("::error file=train.py,line=7,title=Inputs are not normalised [inputs_not_normalised]::")
    assert "%0A+inputs = (inputs - inputs.mean(0))" in lines[0] and lines[2].startswith("::notice title=descend%3A ")
    [failed] = render(failed_script(tmp_path), "github", STORE).splitlines()
    assert failed.startswith("::error title=descend%3A The script failed::")


def test_an_annotation_without_a_line_names_the_script(tmp_path):
    case = dead_units(tmp_path)
    case.record.script = "src/train.py --epochs 3"
    first = render(case, "github", STORE).splitlines()[0]
    assert case.findings[0].where is None and "(module encoder.3)" in first
    assert re.match(r"::(error|warning) file=src/train\.py,title=", first)


@pytest.mark.parametrize("name", ["healthy", "hostile"])
def test_no_text_of_a_script_starts_another_workflow_command(name, tmp_path):
    case = ALL[name](tmp_path)
    nasty = replace(instability_symptom(tmp_path), certain=True, sentence="100 %\n::set-env name=A::b\r\n::x::")
    case = altered(case, findings=(*case.findings, nasty))
    lines = render(case, "github", STORE).splitlines()
    assert len(lines) == len(case.findings) + len(case.undecided_suspicions) + 1
    assert all(re.match(r"::(error|warning|notice) [^:]*::", line) for line in lines)
    assert any("100 %25" in line for line in lines)


def test_each_format_has_the_same_word_for_the_certainty_of_an_open_suspicion(tmp_path):
    likely = replace(instability_symptom(tmp_path), likely=True)
    case = altered(healthy(tmp_path), suspicions=(likely,))
    assert values(render(case, "agent", STORE), "suspected")[0].startswith("instability | likely | ")
    assert "** (likely) (`instability`)" in render(case, "markdown", STORE)
    assert '"certainty": "likely"' in render(case, "json", STORE)
    assert '"certainty": "likely"' in render(case, "sarif", STORE)


def test_each_line_for_an_assistant_has_a_documented_key(tmp_path):
    likely = replace(instability_symptom(tmp_path), likely=True)
    undecided = altered(healthy(tmp_path), suspicions=(likely,))
    printed = set()
    for case in (undecided, empty(tmp_path), failed_script(tmp_path), *(make(tmp_path) for make in ALL.values())):
        report = render(case, "agent", STORE).partition("```")[0]
        printed |= {line.partition(":")[0].strip() for line in report.splitlines()}
    assert printed <= KEYS.keys() and len(printed) >= 15


def test_an_undecided_verdict_has_each_reason_with_advice(tmp_path):
    case = altered(healthy(tmp_path), suspicions=(replace(instability_symptom(tmp_path), likely=True),))
    reasons = values(render(case, "agent", STORE), "undecided_because")
    assert reasons == [f"{reason} | {UNDECIDED_ADVICE[reason]}" for reason in case.undecided_because] != []
    assert {"open_suspicion", "nothing_learned", *get_args(Kind)} <= UNDECIDED_ADVICE.keys()
    assert not values(render(healthy(tmp_path), "agent", STORE), "undecided_because")
