"""The results of `descend compare` as JSON, schema 1. Under one number, keys may be added, but not renamed."""

from pathlib import Path
from typing import Any

from descend.doctor.compare.choice import CURRENT, Choice
from descend.doctor.compare.relative_steps import relative_steps
from descend.doctor.compare.result import (
    CompareResult,
    RankedChoice,
    StepsToTarget,
    TriedValues,
    TunedChoice,
    WorkingRange,
)
from descend.doctor.prove.result import mean_value
from descend.doctor.report.change_formats import metric_as_json, run_as_json
from descend.doctor.report.choice_values import current_values
from descend.doctor.report.choice_verdict import compare_verdict, current_runs, unranked_reason, winning_patch
from descend.doctor.report.json_report import finding_as_json, finite_or_none, json_text

SCHEMA = 1


def render_choice_json(result: CompareResult) -> str:
    """Return the results as JSON. Unknown values, infinities and NaN are null. Memory is in bytes."""
    root = Path(result.baseline.root) if result.baseline.root else Path.cwd()
    own = current_runs(result)
    contract = {
        "schema": SCHEMA,
        "command": "compare",
        "status": result.verdict,
        "verdict": compare_verdict(result),
        "run": result.baseline.run or None,
        "script": result.baseline.script,
        "steps": result.baseline.steps,
        "metric": metric_as_json(result.metric),
        "margin": finite_or_none(result.margin),
        "exit": {"status": result.exit_status},
        "winner": result.winner.label if result.winner else None,
        "more_seeds": result.more_seeds,
        "patch": winning_patch(result) or None,
        "current": {
            "label": CURRENT,
            "values": current_values(result),
            "value": finite_or_none(mean_value(own)),
            "step_s": finite_or_none(result.step_s),
            "runs": [run_as_json(run) for run in own],
        },
        "choices": [_choice_as_json(row, result) for row in result.ranked],
        "faults": [finding_as_json(fault, root, rank) for rank, fault in enumerate(result.faults, 1)],
        "suspected": [finding_as_json(symptom, root, rank) for rank, symptom in enumerate(result.suspected, 1)],
        "deterministic": not result.differs_because if result.ranked else None,
        "differs_because": result.differs_because or None,
        "interrupted": bool(result.interruption),
        "ended_because": result.ended_because or None,
        "notes": list(result.notes),
        "cost": {
            "runs": result.runs,
            "tuning_steps": result.tuning_steps,
            "total_s": finite_or_none(result.total_s),
        },
    }
    return json_text(contract)


def _choice_as_json(row: RankedChoice, result: CompareResult) -> dict[str, Any]:
    """Return one choice as a dictionary: its search, and its runs on fresh seeds."""
    change, tuned = row.result, row.tuned
    points = relative_steps(change.before, change.after, result.metric) if change and result.metric else []
    return {
        "label": row.label,
        "keeps_optimizer": tuned.choice.keeps_optimizer,
        "needs": tuned.choice.needs or None,
        "reason": unranked_reason(row) or None,
        **_search_as_json(tuned),
        "verdict": change.verdict if change else None,
        "relative_difference": _ends(change.difference) if change else None,
        "relative_difference_to_tuned": _ends(row.against_tuned),
        "more_seeds": change.more_seeds if change else None,
        "ties": list(row.ties),
        "equivalent": list(row.equivalent),
        "value": finite_or_none(mean_value(change.after)) if change else None,
        "time_per_step_ratio": _ends(change.time_ratio) if change else None,
        "to_target": _target_as_json(row.target, result) if row.target else None,
        "working": _working_as_json(row.working) if row.working else None,
        "exchange_rate": [{"value": value, "steps_ratio": ratio} for value, ratio in points],
        "before": [run_as_json(run) for run in change.before] if change else [],
        "after": [run_as_json(run) for run in change.after] if change else [],
        "patch": change.patch or None if change else None,
        "error": change.error or None if change else None,
    }


def _search_as_json(tuned: TunedChoice) -> dict[str, Any]:
    """Return what was searched for a choice and what was tried as a dictionary."""
    return {
        "searched": _dimensions_as_json(tuned.choice),
        "values": dict(tuned.best.values) if tuned.best else None,
        "at_edge": list(tuned.at_edge),
        "search_steps": tuned.steps,
        "repeated_steps": tuned.repeated_steps,
        "tried": [_tried_as_json(run) for run in tuned.tried],
    }


def _dimensions_as_json(choice: Choice) -> list[dict[str, Any]]:
    """Return the limits of the searched settings as dictionaries."""
    return [{"name": d.name, "low": d.low, "high": d.high, "is_log": d.is_log} for d in choice.dimensions]


def _tried_as_json(run: TriedValues) -> dict[str, Any]:
    """Return one run of a search as a dictionary."""
    return {
        "run": run.run or None,
        "values": dict(run.values),
        "cost": finite_or_none(run.cost),
        "value": finite_or_none(run.value),
        "steps": run.steps,
        "is_stopped_early": run.is_stopped_early,
        "reason": run.reason or None,
    }


def _target_as_json(target: StepsToTarget, result: CompareResult) -> dict[str, Any]:
    """Return the steps and the time to the current setting's final value as a dictionary of ratios."""
    ends = _ends(target.interval)
    speed = finite_or_none(target.step_s / result.step_s) if result.step_s > 0 else None
    return {
        "steps_ratio": ends,
        "steps_ratios": list(target.ratios),
        "missed": target.missed,
        "step_s": finite_or_none(target.step_s),
        "time_ratio": [None if end is None or speed is None else end * speed for end in ends],
    }


def _working_as_json(working: WorkingRange) -> dict[str, Any]:
    """Return the learning rates that work as a dictionary."""
    regret = [finite_or_none(value) for value in working.regret]
    ends = {name: finite_or_none(getattr(working, name)) for name in ("low", "high", "decades")}
    return {**ends, "regret": regret}


def _ends(interval: tuple[float, float]) -> list[float | None]:
    """Return the ends of an interval; None for an unknown or infinite one."""
    return [finite_or_none(end) for end in interval]
