"""What was measured, what could not be, and what it cost: the last section of the page."""

from typing import Any

from descend.doctor.case import Case
from descend.doctor.record import Note, Record
from descend.doctor.report.measurements import group_notes, measurement
from descend.doctor.report.wording import count, duration, number, one_line, plain_name

MOST_EFFECTS = 30


def ledger(case: Case) -> dict[str, Any]:
    """Return the tables of the last section as plain strings."""
    record = case.record
    notes = [*record.notes, *([Note("trials", case.changed)] if case.changed else [])]
    return {
        "times": _times(case),
        "probes": _probes(record),
        "readings": _readings(record),
        "notes": [{"reason": reason, "probes": ", ".join(p)} for reason, p in group_notes(notes).items()],
        "environment": [{"name": plain_name(k), "value": one_line(v)} for k, v in sorted(record.environment.items())],
        "effects": _effects(record),
        "effects_left": max(0, len(record.effects) - MOST_EFFECTS),
    }


def _times(case: Case) -> list[dict[str, str]]:
    ending = case.record.ending
    rows = [("the run without probes, start-up included", case.bare_s)]
    if ending:
        rows += [("the run with probes, start-up included", ending.wall_s), ("of which in probes", ending.probe_s)]
        rows.append(("of which from the first to the last step", ending.loop_s))
    rows.append(("the whole consultation, trials included", case.total_s))
    shown = [{"name": name, "value": duration(seconds)} for name, seconds in rows if seconds]
    if case.bare_s and case.total_s:
        shown.append(
            {"name": "whole consultation / the run without probes", "value": f"{case.total_s / case.bare_s:.1f} ×"}
        )
    return shown


def _probes(record: Record) -> list[dict[str, str]]:
    costs = sorted(record.costs.values(), key=lambda cost: -cost.seconds)
    return [
        {
            "name": measurement(cost.probe),
            "calls": number(cost.calls),
            "seconds": duration(cost.seconds),
            "each": duration(cost.seconds / cost.calls) if cost.calls else "",
        }
        for cost in costs
    ]


def _readings(record: Record) -> list[dict[str, str]]:
    names = dict.fromkeys(name for name, _ in record.readings)
    rows = []
    for name in names:
        points = [len(steps) for (n, _), (steps, _) in record.readings.items() if n == name]
        places = count(len(points), "place") if len(points) > 1 else ""
        rows.append({"name": plain_name(name), "places": places, "points": count(sum(points), "reading")})
    return rows


def _effects(record: Record) -> list[dict[str, str]]:
    return [
        {
            "kind": one_line(effect.kind),
            "target": one_line(effect.target),
            "outcome": ("refused" if effect.refused else "allowed")
            + (f", by {one_line(effect.by)}" if effect.by else ""),
        }
        for effect in record.effects[:MOST_EFFECTS]
    ]
