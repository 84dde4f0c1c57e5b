"""What `--format json` prints of a record's facts: names and keys that are kept, whatever their types are called."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from descend.doctor.record import Record, facts


def printed(record: Record, names: Mapping[type[Any], str]) -> list[dict[str, Any]]:
    """Return the facts of some types as plain values, in the order in which they came; names: under which each goes."""
    kinds, found = {facts.name_of(kind): kind for kind in names}, []
    for name, place in record.facts:
        if kind := kinds.get(name):
            for seen in record.history(kind, place):
                told = {"name": names[kind], "place": place, "step": seen.step, "detail": plain(seen.fact)}
                found.append(told)
    return found


def plain(value: Any) -> Any:
    """Return a value as JSON has it: of what was not seen, which is as it is by default, nothing is said."""
    match value:
        case facts.Taylor():
            return plain(value.along)
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case tuple():
            return [plain(item) for item in value]
    if not is_dataclass(value):
        return value
    said = {each.name: (getattr(value, each.name), each.default) for each in fields(value)}
    return {name: plain(item) for name, (item, usual) in said.items() if usual is MISSING or item != usual}
