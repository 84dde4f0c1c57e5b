"""Messages on what was observed: how many steps of which script, and in how much time."""

from descend.doctor.case import Case
from descend.doctor.record import Ending, facts
from descend.doctor.report.formatting import duration, one_line
from descend.doctor.report.partial_runs import observed_steps_message
from descend.doctor.script.run_names import EndReason

CUT_OFF = "cut off"  # reason for the end of a run whose record has no ending: it was killed or still runs
LONGEST_COMMAND = 80  # largest number of characters of the command line in a sentence
LEAST_MEASURING = 0.1  # A smaller share of time spent on measurements is not mentioned.


def ending_reason(case: Case) -> str:
    """Return why a run ended, such as "finished" or "failed"; "cut off" if its record has no end."""
    return case.record.ending.reason if case.record.ending else CUT_OFF


def observed_message(case: Case, *, with_time: bool = True) -> str:
    """Return which part of the run was observed: `the first 300 steps of python train.py, in 2.1 s`.

    with_time: whether the duration is included.
    """
    ending, single = case.record.ending, case.record.steps == 1
    parts: dict[str, str] = {EndReason.FINISHED: "the only " if single else "all ", EndReason.WINDOW: "the first "}
    which = parts.get(ending_reason(case), "")
    which = which if ending and ending.is_reported else ""
    amount = "step" if which and single else observed_steps_message(case.record)
    stage = case.record.fact(facts.Stage)
    of = f" of stage {stage.number} of {stage.of}" if stage else ""
    of += f" of {one_line(case.record.script, LONGEST_COMMAND)}" if case.record.script else ""
    until = {
        EndReason.INTERRUPTED: " until the interruption",
        CUT_OFF: " until the record ends",
        EndReason.FAILED: " until it failed",
        EndReason.KILLED: " until it was killed",
    }.get(ending_reason(case), "")
    return f"{which}{amount}{of}{until}{_time_message(ending) if ending and with_time else ''}"


def _time_message(ending: Ending) -> str:
    """Return a phrase with the duration of a run and, if at least a tenth, the time that measurements took."""
    whole = ending.loop_s or ending.wall_s
    if not whole:
        return ""
    is_notable = min(ending.probe_s, whole) >= LEAST_MEASURING * whole
    return f", in {duration(whole)}" + (
        f" ({duration(min(ending.probe_s, whole))} of it measuring)" if is_notable else ""
    )
