"""Plan and check the runs from the first to the last step that `descend prove` and `descend compare` make."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import inf

from descend.core.deadline import Deadline
from descend.core.errors import UsageError
from descend.core.interruption import interruption_status
from descend.doctor.observation_window import limit_to_budget
from descend.doctor.record import Record
from descend.doctor.script.plan import Plan
from descend.doctor.script.run_names import EndReason
from descend.doctor.trials.external_files import ExternalFileChanged
from descend.doctor.trials.run_times import OutOfTime
from descend.doctor.trials.study import TO_THE_END

OUT_OF_TIME = "the time of --budget was over"


@dataclass
class EarlyEnd:
    """Why the runs ended early."""

    reason: str = ""  # "" if they did not
    interruption: int = 0  # exit status of the signal that interrupted the command; 0 if it was not interrupted


@contextmanager
def keeping_complete_runs(interrupted: str) -> Iterator[EarlyEnd]:
    """Leave the `with` block without an exception if the runs end early, so that the complete ones can be reported.

    They end early if the time is over, if an external file has changed, or after an interruption. The object is filled
    in when the block ends. interrupted: the reason in the last case.
    """
    end = EarlyEnd()
    try:
        yield end
    except OutOfTime:
        end.reason = OUT_OF_TIME
    except ExternalFileChanged as error:
        end.reason = str(error)
    except KeyboardInterrupt as error:
        end.reason, end.interruption = interrupted, interruption_status(error)


def plan_whole_runs(plan: Plan) -> tuple[Deadline, Plan]:
    """Return the deadline of the budget, and the plan of runs to the script's end or to the requested step."""
    deadline, limited = limit_to_budget(plan)
    return deadline, replace(limited, quick=True, seconds=inf, is_compared=True).with_fixed_steps(
        plan.steps if plan.is_fixed else TO_THE_END
    )


def can_be_repeated(baseline: Record) -> bool:
    """Return whether a run of the unchanged script ended by itself without an error, so that it can be repeated."""
    return baseline.ending is not None and baseline.ending.reason in (EndReason.FINISHED, EndReason.WINDOW)


def interruption_of(baseline: Record) -> int:
    """Return the exit status of the signal that interrupted a run; 0 if it was not interrupted."""
    ending = baseline.ending
    return ending.status if ending is not None and ending.reason == EndReason.INTERRUPTED else 0


def require_complete_run(baseline: Record, plan: Plan, *, may_take_no_step: bool = False) -> None:
    """Raise `UsageError` if the run of the unchanged script did not end before the deadline, or took no step.

    may_take_no_step: whether a run without an optimizer step can be compared.
    """
    ending = baseline.ending
    if ending is not None and ending.reason == EndReason.WINDOW and baseline.steps < plan.steps:
        raise UsageError(
            f"--budget {plan.budget_s:.12g}s is too short: one run of {baseline.script} was not over at step "
            f"{baseline.steps}. Give it more time, or compare shorter runs with --steps"
        )
    if baseline.steps == 0 and not may_take_no_step:
        raise UsageError(f"{baseline.script} took no optimizer step, so there is nothing to compare")
