"""What was observed: how many steps of which script, in how much time."""

from descend.doctor.case import Case
from descend.doctor.record import Ending, facts
from descend.doctor.report.in_part import steps_watched
from descend.doctor.report.wording import duration, one_line

CUT_OFF = "cut off"  # no ending was recorded: the run was killed, or it has not ended
LONGEST_COMMAND = 80  # characters
LEAST_MEASURING = 0.1  # of the time; a smaller share spent on measuring is not mentioned


def ending_reason(case: Case) -> str:
    """Return why the run ended; `CUT_OFF` where its record has no ending."""
    return case.record.ending.reason if case.record.ending else CUT_OFF


def observed(case: Case) -> str:
    """Return what was observed: `the first 300 steps of python train.py, in 2.1 s`."""
    ending, single = case.record.ending, case.record.steps == 1
    which = {"finished": "the only " if single else "all ", "window": "the first "}.get(ending_reason(case), "")
    which = which if ending and ending.is_told else ""
    amount = "step" if which and single else steps_watched(case.record)
    stage = case.record.fact(facts.Stage)
    of = f" of stage {stage.number} of {stage.of}" if stage else ""
    of += f" of {one_line(case.record.script, LONGEST_COMMAND)}" if case.record.script else ""
    until = {
        "interrupted": " until the interruption",
        CUT_OFF: " until the record ends",
        "failed": " until it failed",
        "killed": " until it was killed",
    }.get(ending_reason(case), "")
    return f"{which}{amount}{of}{until}{_spent(ending) if ending else ''}"


def _spent(ending: Ending) -> str:
    """Return how long it took; the time for measuring does not count towards the limit of `--seconds`."""
    whole = ending.loop_s or ending.wall_s
    if not whole:
        return ""
    told = min(ending.probe_s, whole) >= LEAST_MEASURING * whole
    return f", in {duration(whole)}" + (f" ({duration(min(ending.probe_s, whole))} of it measuring)" if told else "")
