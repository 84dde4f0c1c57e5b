"""Plan and check the runs from the first to the last step that `descend prove` and `descend compare` make."""

from dataclasses import replace
from math import inf

from descend.core.deadline import Deadline
from descend.core.errors import UsageError
from descend.doctor.observation_window import limit_to_budget
from descend.doctor.record import Record
from descend.doctor.script.plan import Plan
from descend.doctor.script.run_names import EndReason
from descend.doctor.trials.study import TO_THE_END


def plan_whole_runs(plan: Plan) -> tuple[Deadline, Plan]:
    """Return the deadline of the budget, and the plan of runs to the script's end or to the requested step."""
    deadline, limited = limit_to_budget(plan)
    return deadline, replace(limited, quick=True, seconds=inf).with_fixed_steps(
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
