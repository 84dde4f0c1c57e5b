"""The tables in the last section of the report: measurements, skipped measurements, and measuring times."""

from typing import Any

from descend.doctor.case import Case
from descend.doctor.record import Note, Record
from descend.doctor.report.formatting import count, duration, number, one_line, plain_name
from descend.doctor.report.measurement_names import group_by_reason, measurement_name

MOST_EFFECTS = 30


def measurement_tables(case: Case) -> dict[str, Any]:
    """Return a dictionary from the name of each table in the last section of the report to its rows."""
    record = case.record
    notes = [*record.notes, *([Note("trials", case.proof.changed)] if case.proof.changed else [])]
    return {
        "times": _time_rows(case),
        "probes": _measurement_rows(record),
        "readings": _quantity_rows(record),
        "notes": [{"reason": reason, "probes": ", ".join(p)} for reason, p in group_by_reason(notes).items()],
        "environment": [{"name": plain_name(k), "value": one_line(v)} for k, v in sorted(record.environment.items())],
        "effects": _action_rows(record),
        "effects_left": max(0, len(record.effects) - MOST_EFFECTS),
    }


def _time_rows(case: Case) -> list[dict[str, str]]:
    """Return the rows of the table of wall-clock times, each with a name and a duration."""
    ending = case.record.ending
    rows = [("run without measuring, with start-up", case.bare_s)]
    if ending:
        rows += [("observed run, with start-up", ending.wall_s), ("measurements in the observed run", ending.probe_s)]
        rows.append(("observed run, from the first to the last step", ending.loop_s))
    rows.append(("whole consultation, with trials", case.total_s))
    value_rows = [{"name": name, "value": duration(seconds)} for name, seconds in rows if seconds]
    if case.bare_s and case.total_s:
        value_rows.append(
            {
                "name": "consultation / run without measuring",
                "value": f"{case.total_s / case.bare_s:.1f} ×",
            }
        )
    return value_rows


def _measurement_rows(record: Record) -> list[dict[str, str]]:
    """Return a table row for each measurement, the slowest first, with its number of calls and its seconds."""
    costs = sorted(record.costs.values(), key=lambda cost: -cost.seconds)
    return [
        {
            "name": measurement_name(cost.probe),
            "calls": number(cost.calls),
            "seconds": duration(cost.seconds),
            "each": duration(cost.seconds / cost.calls) if cost.calls else "",
        }
        for cost in costs
    ]


def _quantity_rows(record: Record) -> list[dict[str, str]]:
    """Return a table row for each measured quantity, with its numbers of values and of places, such as layers."""
    names = dict.fromkeys(name for name, _ in record.readings)
    rows = []
    for name in names:
        points = [len(steps) for (n, _), (steps, _) in record.readings.items() if n == name]
        places = count(len(points), "place") if len(points) > 1 else ""
        rows.append({"name": plain_name(name), "places": places, "points": count(sum(points), "value")})
    return rows


def _action_rows(record: Record) -> list[dict[str, str]]:
    """Return a table row for each of the first actions that the script attempted outside its scratch copy."""
    return [
        {
            "kind": one_line(effect.kind),
            "target": one_line(effect.target),
            "outcome": ("refused" if effect.refused else "redirected" if effect.redirected else "allowed")
            + (f", by {one_line(effect.by)}" if effect.by else ""),
        }
        for effect in record.effects[:MOST_EFFECTS]
    ]
