"""What a coding assistant should do after a diagnosis: a verdict of one word, an instruction, and commands."""

import shlex
from collections.abc import Sequence
from enum import StrEnum

from descend.doctor.case import Case, CaseStatus
from descend.doctor.report.causes import causes, unfixed_problems
from descend.doctor.report.console import STORE, command, store_option
from descend.doctor.report.formatting import one_line
from descend.doctor.report.verdict import can_be_judged, has_known_targets, is_clean
from descend.doctor.script.run_names import Role
from descend.doctor.trials.verdicts import Verdict

# Options that leave out a part of the diagnosis. A diagnosis that is repeated to be complete has none of them.
LIMITING_OPTIONS = ("--quick", "--budget", "--select", "--ignore")


class AgentVerdict(StrEnum):
    """The verdict in the format for coding assistants. The values are part of that format."""

    NOTHING_TO_FIX = "nothing_to_fix"
    NO_PROBLEM_FOUND = "no_problem_found"
    PROVED_FIX = "proved_fix"
    PARTIAL_FIX = "partial_fix"
    NO_PROVED_FIX = "no_proved_fix"
    REMEDIES_NOT_TRIED = "remedies_not_tried"
    UNDECIDED = "undecided"
    NOT_JUDGED = "not_judged"
    INTERRUPTED = "interrupted"
    SCRIPT_FAILED = "script_failed"


MEANINGS = {
    AgentVerdict.NOTHING_TO_FIX: "The checks found no problem.",
    AgentVerdict.NO_PROBLEM_FOUND: "No problem was found, but a part of the run or of the problems was not checked.",
    AgentVerdict.PROVED_FIX: "A problem was found, and a patch for it was proved on new seeds.",
    AgentVerdict.PARTIAL_FIX: "A patch removes a problem and makes no run clearly worse, but a problem may remain.",
    AgentVerdict.NO_PROVED_FIX: "A problem was found, but no patch for it was proved.",
    AgentVerdict.REMEDIES_NOT_TRIED: "A problem was found, but the diagnosis ended before all remedies were tried.",
    AgentVerdict.UNDECIDED: "No problem was found, but one is still possible.",
    AgentVerdict.NOT_JUDGED: "The run is too short or its record is incomplete.",
    AgentVerdict.INTERRUPTED: "The diagnosis was stopped before it found a problem.",
    AgentVerdict.SCRIPT_FAILED: "The script itself failed, for example with an exception.",
}
INSTRUCTIONS = {
    AgentVerdict.NOTHING_TO_FIX: "Make no edit. No change is needed: leaving the script as it is completes the task.",
    AgentVerdict.NO_PROBLEM_FOUND: "Make no edit on this evidence. Report what was not checked: the summary and the "
    "lines not_checked, not_requested and not_tried name it.",
    AgentVerdict.PROVED_FIX: "Apply the patch and make no other edit. Then run the script once to confirm.",
    AgentVerdict.PARTIAL_FIX: "Read the patch, apply it and make no other edit. Then run descend doctor again to find "
    "what remains.",
    AgentVerdict.NO_PROVED_FIX: "Read the line and the evidence of the first finding. Edit the line only if the "
    "evidence shows a mistake in it. Then run descend doctor again to check the edit.",
    AgentVerdict.REMEDIES_NOT_TRIED: "Make no edit yet. Run descend doctor again without --quick and --budget, and "
    "let it finish, so that it tries the remedies.",
    AgentVerdict.UNDECIDED: "Make no edit on this evidence. Do what the lines undecided_because say.",
    AgentVerdict.NOT_JUDGED: "Make no edit on this evidence. Let the script train for more steps, then run descend "
    "doctor again.",
    AgentVerdict.INTERRUPTED: "Make no edit on this evidence. Run descend doctor again and let it finish.",
    AgentVerdict.SCRIPT_FAILED: "Correct the error of the script first. Then run descend doctor again.",
}
SAVE_SCRIPT = "Save the script in a file and run descend doctor on the file to get the patch."
FIX_OF_FAILED_SCRIPT = (
    "Apply the patch and run the script. If it still fails, correct its error. Then run descend doctor again."
)


def agent_verdict(case: Case) -> AgentVerdict:
    """Return the verdict on a case for a coding assistant."""
    if case.status == CaseStatus.SCRIPT_FAILED:
        return AgentVerdict.SCRIPT_FAILED
    if case.findings:
        return _verdict_on_findings(case)
    if case.proof.interrupted:
        return AgentVerdict.INTERRUPTED
    if not can_be_judged(case):
        return AgentVerdict.NOT_JUDGED
    if case.status == CaseStatus.UNDECIDED:
        return AgentVerdict.UNDECIDED
    is_complete = is_clean(case) and has_known_targets(case) and not (case.left_out or case.proof.limit)
    return AgentVerdict.NOTHING_TO_FIX if is_complete else AgentVerdict.NO_PROBLEM_FOUND


def _verdict_on_findings(case: Case) -> AgentVerdict:
    """Return the verdict on a case with findings, which depends on its fix and on the trials that were made."""
    if case.fix is not None:
        is_whole = _has_proved_fix(case) and not unfixed_problems(case)
        return AgentVerdict.PROVED_FIX if is_whole else AgentVerdict.PARTIAL_FIX
    proof = case.proof
    ended_early = proof.limit or proof.interrupted or proof.changed or case.record.role == Role.WATCH
    return AgentVerdict.REMEDIES_NOT_TRIED if ended_early else AgentVerdict.NO_PROVED_FIX


def _has_proved_fix(case: Case) -> bool:
    """Return whether a trial showed a gain of the fix on new seeds, which a partial fix does not have."""
    return case.fix is not None and case.fix.verdict in (Verdict.PROVED, Verdict.TRAIN_LONGER)


def instruction(case: Case) -> str:
    """Return what a coding assistant should do. A script from standard input has no file to which a patch applies."""
    agent = agent_verdict(case)
    if case.streamed and agent in (AgentVerdict.PROVED_FIX, AgentVerdict.PARTIAL_FIX):
        return SAVE_SCRIPT
    is_fixed = agent == AgentVerdict.SCRIPT_FAILED and bool(case.patch) and _has_proved_fix(case)
    return FIX_OF_FAILED_SCRIPT if is_fixed else INSTRUCTIONS[agent]


def next_commands(case: Case, store: str, directory: str = "") -> list[str]:
    """Return the commands that should be run next, the most useful first; an empty list if no command is needed.

    A patch comes first only if it is proved. store: the value of `--store` with which the run is found. directory: the
    folder in which the commands must run; "" for the current one.
    """
    agent, problems = agent_verdict(case), causes(case) or case.undecided_suspicions
    if agent == AgentVerdict.NOTHING_TO_FIX:
        return []
    apply = [command("apply", case, store)] if case.patch and case.record.run else []
    explain = [f"descend explain {one_line(problems[0].id)}"] if problems else []
    complete = [option for option in case.options if option.split()[0] not in LIMITING_OPTIONS]
    again = [doctor_command(case, complete, store)] if case.record.script else []
    match agent:
        case AgentVerdict.PROVED_FIX:
            commands = apply + explain
        case AgentVerdict.PARTIAL_FIX:
            commands = explain + apply + again
        case AgentVerdict.SCRIPT_FAILED:
            commands = (apply + again if _has_proved_fix(case) else again + apply) + explain
        case AgentVerdict.REMEDIES_NOT_TRIED:
            commands = again + explain
        case AgentVerdict.NO_PROVED_FIX:
            commands = explain
        case AgentVerdict.NO_PROBLEM_FOUND:
            commands = again if case.left_out or case.proof.limit else []
        case _:
            commands = explain + again
    return [in_directory(line, directory) for line in commands]


def in_directory(line: str, directory: str) -> str:
    """Return a shell command that runs another command in a directory; the command itself for the current one, ""."""
    return f"cd {shlex.quote(directory)} && {line}" if directory else line


def doctor_command(case: Case, options: Sequence[str], store: str = str(STORE)) -> str:
    """Return the command that diagnoses the script again, with the script's arguments and without secrets."""
    script = "-" if case.streamed else one_line(case.record.script)
    return " ".join(["descend doctor", *store_option(store), *(one_line(option) for option in options), script])
