"""The report for coding assistants: one `key: value` a line, without colours, durations and decoration.

The keys are stable, and equal results give equal text. The patch is last, in a fenced block.
"""

from collections.abc import Iterator

from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case
from descend.doctor.report.console import MOST_FINDINGS, MOST_TRIALS, command
from descend.doctor.report.formats.agent_keys import UNDECIDED_ADVICE
from descend.doctor.report.formats.markdown import code_block
from descend.doctor.report.formats.next_steps import AgentVerdict, agent_verdict, in_directory, instruction
from descend.doctor.report.formatting import count, one_line, place, sentence, working_directory
from descend.doctor.report.left_out import left_out_message
from descend.doctor.report.patches import patches
from descend.doctor.report.performed_checks import select_checks
from descend.doctor.report.titles import heading
from descend.doctor.report.trial_table import shared_metric
from descend.doctor.report.unified_diff import summarise_diff
from descend.doctor.report.verdict import before_and_after, verdict
from descend.doctor.trials.trial import Trial

REPRODUCED = {True: "yes", False: "no", None: "not compared"}


def render_agent(case: Case, store: str, directory: str = "") -> str:
    """Return the report on a case for a coding assistant.

    store: the value of `--store` with which the run is found. directory: the folder in which the printed command must
    run; "" for the current one.
    """
    lines = [
        f"verdict: {agent_verdict(case)}",
        f"action: {instruction(case)}",
        f"summary: {one_line(verdict(case))}",
        *_undecided_lines(case),
        f"script: {one_line(case.record.script)}",
        f"steps: {case.record.steps}",
        *_finding_lines(case, "finding", case.findings),
        *_finding_lines(case, "suspected", case.undecided_suspicions),
        *_trial_lines(case),
        *_check_lines(case),
        *_patch_lines(case, store, directory),
    ]
    return "\n".join(lines)


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


def _check_lines(case: Case) -> Iterator[str]:
    """Yield which problems were checked, which could not be checked and why, and which were not requested.

    The ids of the checked problems are listed only if no problem was found.
    """
    checks = select_checks(case, "checked")
    has_problem = agent_verdict(case) not in (AgentVerdict.NOTHING_TO_FIX, AgentVerdict.NO_PROBLEM_FOUND)
    names = "" if has_problem else f": {', '.join(check.symptom for check in checks)}"
    yield f"checked: {count(len(checks), 'problem')}{names}"
    for check in select_checks(case, "not_checked"):
        yield f"not_checked: {check.symptom} | {one_line(check.reason)}"
    if left_out := select_checks(case, "not_requested"):
        yield f"not_requested: {', '.join(check.symptom for check in left_out)}"
    if untried := left_out_message(case):
        yield f"not_tried: {one_line(untried)}"


def _patch_lines(case: Case, store: str, directory: str) -> Iterator[str]:
    """Yield the patch of the fix and the command that applies it; without a fix, an edit without a proof."""
    diffs = {patch.kind: patch for patch in patches(case)}
    shown = diffs.get("fix") or diffs.get("not_proved") or diffs.get("untried")
    if shown is None:
        return
    if shown.kind == "fix":
        yield f"patch: {one_line(summarise_diff(shown.diff))} | reproduced: {REPRODUCED[case.proof.reproduced]}"
        if case.record.run:
            yield f"apply: {in_directory(command('apply', case, store), directory)}"
    else:
        yield f"unproved_patch: {one_line(shown.sentence)}"
    if shown.has_secret:
        yield f"masked: {shown.masked_message}"
    yield code_block(shown.diff, "diff")
