"""The report as Markdown for a pull request or an issue: verdict, evidence, patch, reproduction, what is unchecked."""

import re
from collections.abc import Iterator
from importlib.metadata import version

from descend.core.control_characters import escape_control_characters
from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case
from descend.doctor.redaction import mask_secrets
from descend.doctor.report.console import command
from descend.doctor.report.formats.next_steps import doctor_command
from descend.doctor.report.formatting import count, one_line, place, relative_change, sentence, working_directory
from descend.doctor.report.left_out import left_out_message
from descend.doctor.report.observed_steps import observed_message
from descend.doctor.report.patches import Patch, patches
from descend.doctor.report.performed_checks import checks_message, checks_table
from descend.doctor.report.titles import heading, title_with_id
from descend.doctor.report.trial_table import shared_metric, trial_verdict
from descend.doctor.report.unified_diff import summarise_diff
from descend.doctor.report.verdict import before_and_after, headline, refutation_message, verdict

CODE_SPAN = re.compile(r"(`[^`]+`)")
SPECIAL = re.compile(r"([\\`*_\[\]<>|~&])")  # characters that format a text in GitHub's Markdown
# Characters of mentions (@name), of links to issues (#12) and of formulas ($x$). GitHub interprets them even after a
# backslash, but not if they are a separate HTML element.
# https://docs.github.com/get-started/writing-on-github/working-with-advanced-formatting/writing-mathematical-expressions
INTERPRETED = re.compile(r"([@#$])")
PATCH_HEADINGS = {
    "fix": "Proved patch",
    "tuning": "Better setting, in addition to the patch",
    "not_proved": "Edit without a proof",
    "suggestion": "Suggested edit",
    "untried": "Edit that was not tried",
}


def render_markdown(case: Case, store: str) -> str:
    """Return the report on a case as GitHub Markdown. store: the value of `--store` with which the run is found."""
    parts = [
        f"## descend: {escape_markdown(headline(case))}",
        f"**{escape_markdown(sentence(verdict(case)))}**",
        *([f"Observed: {escape_markdown(observed_message(case))}."] if case.record.steps else []),
        *_evidence(case),
        *(part for patch in patches(case) for part in _patch_part(case, patch, store)),
        *_trials(case),
        *_reproduction(case),
        *_checks(case),
    ]
    return "\n\n".join(parts)


def escape_markdown(text: str) -> str:
    """Return a text on one line in which Markdown has no effect, except that code in backticks stays code."""
    pieces = CODE_SPAN.split(one_line(text))
    return "".join(piece if CODE_SPAN.fullmatch(piece) else _escape_all(piece) for piece in pieces)


def _escape_all(text: str) -> str:
    """Return a text without code in which no character has an effect."""
    return INTERPRETED.sub(r"<span>\1</span>", SPECIAL.sub(r"\\\1", text))


def table_cell(text: str) -> str:
    """Return a text for a cell of a table. There, a vertical bar in code needs a backslash, too."""
    pieces = CODE_SPAN.split(one_line(text))
    return "".join(piece.replace("|", r"\|") if CODE_SPAN.fullmatch(piece) else _escape_all(piece) for piece in pieces)


def code_span(text: str) -> str:
    """Return a text as inline code, delimited by more backticks than the text contains in a row."""
    line = one_line(text)
    fence = "`" * (_longest_run(line) + 1)
    padding = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{padding}{line}{padding}{fence}"


def code_block(text: str, language: str) -> str:
    """Return a text as a fenced code block, without secrets and control characters."""
    code = escape_control_characters(mask_secrets(text)).rstrip("\n")
    fence = "`" * max(3, _longest_run(code) + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def _longest_run(text: str) -> int:
    """Return the length of the longest run of backticks in a text."""
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _evidence(case: Case) -> Iterator[str]:
    """Yield a heading and a list entry for each finding, open suspicion and withdrawn finding."""
    entries = [_finding_entry(case, finding, "") for finding in case.findings]
    entries += [_finding_entry(case, suspicion, f" ({suspicion.certainty})") for suspicion in case.undecided_suspicions]
    entries += [f"- Withdrawn: {escape_markdown(refutation_message(s, t))}." for s, t in case.withdrawn_findings]
    if entries:
        yield "### Evidence"
        yield "\n".join(entries)


def _finding_entry(case: Case, finding: Symptom, certainty: str) -> str:
    """Return a finding as a list entry: title, id, place, evidence and consequences."""
    where = place(finding.where, finding.module, working_directory(case))
    at = f" at {code_span(where)}" if where else ""
    title = escape_markdown(sentence(heading(finding)).rstrip("."))
    text = f"- **{title}**{certainty} ({code_span(finding.id)}){at}. {escape_markdown(sentence(finding.sentence))}"
    if not finding.explains:
        return text
    follows = "; ".join(title_with_id(consequence) for consequence in sorted(finding.explains))
    return f"{text} Consequences: {escape_markdown(sentence(follows))}"


def _patch_part(case: Case, patch: Patch, store: str) -> Iterator[str]:
    """Yield the heading of a patch, what it changes, its diff, and for the proved fix how to apply it."""
    yield f"### {PATCH_HEADINGS[patch.kind]}"
    yield f"{escape_markdown(sentence(patch.sentence))} Changes {escape_markdown(summarise_diff(patch.diff))}."
    yield code_block(patch.diff, "diff")
    notes = [escape_markdown(patch.masked_message)] if patch.has_secret else []
    if patch.kind == "fix":
        apply = f"Apply it with {code_span(command('apply', case, store))}" if case.record.run else ""
        by_hand = "" if patch.has_secret else "save the diff as `fix.diff` and run `patch -p0 < fix.diff`"
        if how := ", or ".join(part for part in (apply, by_hand) if part):
            notes.insert(0, f"{how[:1].upper()}{how[1:]}.")
        notes += [escape_markdown(sentence(case.proof.verified))] if case.proof.verified else []
    if notes:
        yield " ".join(notes)


def _trials(case: Case) -> Iterator[str]:
    """Yield a folded table of all trials."""
    if not case.trials:
        return
    metric = shared_metric(case.trials)
    rows = ["| remedy | result | change | seeds | verdict |", "|---|---|---|---|---|"]
    for trial in case.trials:
        result = before_and_after(trial) if trial.was_judged else one_line(trial.reason)
        change = relative_change(trial.gain) if trial.was_judged else ""
        seeds = str(len(trial.seeds) or 1) if trial.was_judged else ""
        cells = (trial.label, result, change, seeds, trial_verdict(trial))
        rows.append("| " + " | ".join(table_cell(cell) for cell in cells) + " |")
    summary = f"<details><summary>{count(len(case.trials), 'trial')}</summary>"
    measured = [f"Measured: {escape_markdown(sentence(metric))}"] if metric else []
    yield "\n\n".join([summary, *measured, "\n".join(rows), "</details>"])


def _reproduction(case: Case) -> Iterator[str]:
    """Yield the command that repeats the diagnosis, and the versions and the seed that it used."""
    if not case.record.script:
        return
    yield "### How to reproduce"
    yield code_block(doctor_command(case, case.options), "")
    versions = {"descend": version("descend"), **case.record.environment}
    software = ", ".join(f"{name} {versions[name]}" for name in ("descend", "torch", "python") if name in versions)
    yield f"With {escape_markdown(software)}, in the script's working directory; seed {case.record.seed}."


def _checks(case: Case) -> Iterator[str]:
    """Yield how many problems were checked, and which could not be checked or were not requested."""
    table = checks_table(case)
    yield "### What was not checked"
    yield f"Checked {escape_markdown(checks_message(case))}."
    unmade = [f"{sentence(row['titles'])} {row['reason']}" for row in table["unmade"]]
    lines = [f"- {escape_markdown(text)}" for text in unmade]
    lines += [f"- Not requested: {escape_markdown(table['left_out'])}."] if table["left_out"] else []
    lines += [f"- {escape_markdown(sentence(untried))}" for untried in [left_out_message(case)] if untried]
    lines += [f"- Refused: {escape_markdown(f'{e.kind} {e.target}')}." for e in case.record.effects if e.refused]
    if lines:
        yield "\n".join(lines)
