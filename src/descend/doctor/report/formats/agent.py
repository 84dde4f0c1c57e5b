"""The report for coding assistants: one `key: value` a line, without colours, durations and decoration.

The keys are stable, and equal results give equal text. The patch is last, in a fenced block.
"""

from collections.abc import Iterator

from descend.core.control_characters import escape_control_characters
from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case
from descend.doctor.redaction import mask_secrets
from descend.doctor.report.console import command
from descend.doctor.report.formats.agent_keys import UNDECIDED_ADVICE
from descend.doctor.report.formats.next_steps import INSTRUCTIONS, AgentVerdict, agent_verdict
from descend.doctor.report.formatting import count, one_line, place, sentence, working_directory
from descend.doctor.report.left_out import left_out_message
from descend.doctor.report.patches import patches
from descend.doctor.report.performed_checks import select_checks
from descend.doctor.report.titles import heading
from descend.doctor.report.trial_table import shared_metric
from descend.doctor.report.unified_diff import summarise_diff
from descend.doctor.report.verdict import before_and_after, verdict
from descend.doctor.trials.trial import Trial

MOST_FINDINGS, MOST_TRIALS = 3, 5  # largest numbers of findings and trials that are printed
REPRODUCED = {True: "yes", False: "no", None: "not compared"}


def render_agent(case: Case, store: str) -> str:
    """Return the report on a case for a coding assistant. store: the value of `--store` with which the run is found."""
    said = agent_verdict(case)
    lines = [
        f"verdict: {said}",
        f"action: {_instruction(case, said)}",
        f"summary: {one_line(verdict(case))}",
        *_undecided_lines(case),
        f"script: {one_line(case.record.script)}",
        f"steps: {case.record.steps}",
        *_finding_lines(case, "finding", case.findings),
        *_finding_lines(case, "suspected", case.undecided_suspicions),
        *_trial_lines(case),
        *_check_lines(case, said),
        *_patch_lines(case, store),
    ]
    return "\n".join(lines)


def _instruction(case: Case, said: AgentVerdict) -> str:
    """Return the instruction for a verdict. A script from standard input has no file to which a patch applies."""
    if said == AgentVerdict.PROVED_FIX and case.streamed:
        return "Save the script in a file and run descend doctor on the file to get the patch."
    return INSTRUCTIONS[said]


def _undecided_lines(case: Case) -> Iterator[str]:
    """Yield each reason of an undecided verdict, with what to do about it."""
    if agent_verdict(case) == AgentVerdict.UNDECIDED:
        yield from (f"undecided_because: {reason} | {UNDECIDED_ADVICE[reason]}" for reason in case.undecided_because)


def _finding_lines(case: Case, key: str, symptoms: tuple[Symptom, ...]) -> Iterator[str]:
    """Yield the lines of the first findings or suspected problems: id, certainty, place, title and evidence."""
    for symptom in symptoms[:MOST_FINDINGS]:
        where = place(symptom.where, symptom.module, working_directory(case)) or "no line"
        yield f"{key}: {one_line(symptom.id)} | {symptom.certainty} | {where}"
        yield f"  title: {sentence(heading(symptom))}"
        yield f"  evidence: {sentence(symptom.sentence)}"
        if symptom.explains:
            yield f"  consequences: {one_line(', '.join(sorted(symptom.explains)))}"
    if len(symptoms) > MOST_FINDINGS:
        yield f"more: {count(len(symptoms) - MOST_FINDINGS, key)} in --format json"


def _trial_lines(case: Case) -> Iterator[str]:
    """Yield the metric and one line for each of the first trials: remedy, verdict, change and number of seeds."""
    if metric := shared_metric(case.trials):
        yield f"metric: {one_line(metric)}"
    yield from (_trial_line(trial) for trial in case.trials[:MOST_TRIALS])
    if len(case.trials) > MOST_TRIALS:
        yield f"more: {count(len(case.trials) - MOST_TRIALS, 'trial')} in --format json"


def _trial_line(trial: Trial) -> str:
    """Return the line of one trial."""
    result = [before_and_after(trial), count(len(trial.seeds) or 1, "seed")] if trial.was_judged else []
    return " | ".join([f"trial: {one_line(trial.label)}", trial.verdict, *(result or [one_line(trial.reason)])])


def _check_lines(case: Case, said: AgentVerdict) -> Iterator[str]:
    """Yield which problems were checked, which could not be checked and why, and which were not requested.

    The ids of the checked problems are listed only if there is nothing to fix.
    """
    made = select_checks(case, "checked")
    names = f": {', '.join(check.symptom for check in made)}" if said == AgentVerdict.NOTHING_TO_FIX else ""
    yield f"checked: {count(len(made), 'problem')}{names}"
    for check in select_checks(case, "not_checked"):
        yield f"not_checked: {check.symptom} | {one_line(check.reason)}"
    if left_out := select_checks(case, "not_requested"):
        yield f"not_requested: {', '.join(check.symptom for check in left_out)}"
    if untried := left_out_message(case):
        yield f"not_tried: {one_line(untried)}"


def _patch_lines(case: Case, store: str) -> Iterator[str]:
    """Yield the proved patch and the command that applies it; without one, an edit without a proof."""
    diffs = {patch.kind: patch for patch in patches(case)}
    if fix := diffs.get("fix"):
        yield f"patch: {one_line(summarise_diff(fix.diff))} | reproduced: {REPRODUCED[case.proof.reproduced]}"
        if case.record.run:
            yield f"apply: {command('apply', case, store)}"
        yield _diff_block(fix.diff)
    elif unproved := diffs.get("not_proved") or diffs.get("untried"):
        yield f"unproved_patch: {one_line(unproved.sentence)}"
        yield _diff_block(unproved.diff)


def _diff_block(diff: str) -> str:
    """Return a diff as a fenced block, without secrets and control characters."""
    return f"```diff\n{escape_control_characters(mask_secrets(diff)).rstrip()}\n```"
