"""What a coding assistant should do after a diagnosis: a verdict of one word, an instruction, and commands."""

from enum import StrEnum

from descend.doctor.case import Case, CaseStatus
from descend.doctor.report.console import command
from descend.doctor.report.formatting import one_line
from descend.doctor.report.verdict import can_be_judged, causes


class AgentVerdict(StrEnum):
    """The verdict in the format for coding assistants. The values are part of that format."""

    NOTHING_TO_FIX = "nothing_to_fix"
    PROVED_FIX = "proved_fix"
    NO_PROVED_FIX = "no_proved_fix"
    UNDECIDED = "undecided"
    NOT_JUDGED = "not_judged"
    INTERRUPTED = "interrupted"
    SCRIPT_FAILED = "script_failed"


MEANINGS = {
    AgentVerdict.NOTHING_TO_FIX: "The checks found no problem.",
    AgentVerdict.PROVED_FIX: "A problem was found, and a patch for it was proved on new seeds.",
    AgentVerdict.NO_PROVED_FIX: "A problem was found, but no patch for it was proved.",
    AgentVerdict.UNDECIDED: "No problem was found, but one is still possible.",
    AgentVerdict.NOT_JUDGED: "The run is too short or its record is incomplete.",
    AgentVerdict.INTERRUPTED: "The diagnosis was stopped before it found a problem.",
    AgentVerdict.SCRIPT_FAILED: "The script itself failed, for example with an exception.",
}
INSTRUCTIONS = {
    AgentVerdict.NOTHING_TO_FIX: "Make no edit. No change is needed: leaving the script as it is completes the task.",
    AgentVerdict.PROVED_FIX: "Apply the patch and make no other edit. Then run the script once to confirm.",
    AgentVerdict.NO_PROVED_FIX: "Read the line of the first finding and correct its cause. Then run descend doctor "
    "again to check the edit.",
    AgentVerdict.UNDECIDED: "Make no edit on this evidence. Do what the lines undecided_because say.",
    AgentVerdict.NOT_JUDGED: "Make no edit on this evidence. Let the script train for more steps, then run descend "
    "doctor again.",
    AgentVerdict.INTERRUPTED: "Make no edit on this evidence. Run descend doctor again and let it finish.",
    AgentVerdict.SCRIPT_FAILED: "Correct the error of the script first. Then run descend doctor again.",
}


def agent_verdict(case: Case) -> AgentVerdict:
    """Return the verdict on a case for a coding assistant."""
    if case.status == CaseStatus.SCRIPT_FAILED:
        return AgentVerdict.SCRIPT_FAILED
    if case.findings:
        return AgentVerdict.PROVED_FIX if case.fix else AgentVerdict.NO_PROVED_FIX
    if case.proof.interrupted:
        return AgentVerdict.INTERRUPTED
    if not can_be_judged(case):
        return AgentVerdict.NOT_JUDGED
    return AgentVerdict.UNDECIDED if case.status == CaseStatus.UNDECIDED else AgentVerdict.NOTHING_TO_FIX


def next_commands(case: Case, store: str) -> list[str]:
    """Return the commands that should be run next, the most useful first; an empty list if no command is needed.

    store: the value of `--store` with which the run is found.
    """
    said = agent_verdict(case)
    if said == AgentVerdict.NOTHING_TO_FIX:
        return []
    commands = [command("apply", case, store)] if case.patch and case.record.run else []
    known = causes(case) or case.undecided_suspicions
    commands += [f"descend explain {one_line(known[0].id)}"] if known else []
    is_open = said not in (AgentVerdict.PROVED_FIX, AgentVerdict.NO_PROVED_FIX)
    return commands + ([doctor_command(case)] if is_open and case.record.script else [])


def doctor_command(case: Case) -> str:
    """Return the command that diagnoses the script again, with the script's arguments and without secrets."""
    return f"descend doctor {'-' if case.streamed else one_line(case.record.script)}"
