"""The facts that `--format json` prints. Their names and keys are fixed: they do not change with the class names."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from descend.doctor.record import Record, facts


def facts_as_json(record: Record, names: Mapping[type[Any], str]) -> list[dict[str, Any]]:
    """Return the measurements of some types in the record of a run as JSON values, in order of time.

    names: the types, with the name that is printed for each of them.
    """
    kinds, found = {facts.name_of(kind): kind for kind in names}, []
    for name, place in record.facts:
        if kind := kinds.get(name):
            for seen in record.history(kind, place):
                entry = {"name": names[kind], "place": place, "step": seen.step, "detail": json_value(seen.fact)}
                found.append(entry)
    return found


def json_value(value: Any) -> Any:
    """Return a nested value in JSON types. Dataclasses become dictionaries without fields that equal their default."""
    match value:
        case facts.Taylor():
            return json_value(value.along)
        case dict():
            return {key: json_value(item) for key, item in value.items()}
        case tuple():
            return [json_value(item) for item in value]
    if not is_dataclass(value):
        return value
    items = {each.name: (getattr(value, each.name), each.default) for each in fields(value)}
    return {name: json_value(item) for name, (item, usual) in items.items() if usual is MISSING or item != usual}
