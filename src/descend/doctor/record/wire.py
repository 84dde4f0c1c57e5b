"""The wire format from the observed script to the record: one line of JSON per message, with packed readings.

The script's own interpreter writes these lines, so this module imports the standard library only.
A process can be killed while it writes a line, so a line without an end is ignored.
"""

import base64
import json
import struct
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from descend.doctor.record.messages import Cost, Effect, Ending, Fact, Message, Note, Reading, Site

_READINGS = "readings"
_KINDS: dict[str, type[Any]] = {
    "fact": Fact,
    "site": Site,
    "effect": Effect,
    "note": Note,
    "cost": Cost,
    "ending": Ending,
}
_TAGS = {kind: tag for tag, kind in _KINDS.items()}


def encode(messages: Iterable[Message]) -> bytes:
    """Return messages as lines of JSON, in the same order. Consecutive readings share one line.

    Values keep all 64 bits, so NaN, the infinities and the sign of zero survive.
    """
    lines: list[Any] = []
    for packed, group in groupby(messages, key=lambda message: isinstance(message, Reading)):
        if packed:
            lines.append(_pack_readings(list(group)))  # type: ignore[arg-type]
        else:
            lines.extend([_TAGS[type(message)], body(message)] for message in group)
    return b"".join(_json_line(line) for line in lines)


def decode(line: bytes) -> list[Message]:
    """Return the messages in one line of JSON; an empty list if the line is incomplete or has another format."""
    if not line.endswith(b"\n"):
        return []
    try:
        tag, *content = json.loads(line)
        if tag == _READINGS:
            return _unpack_readings(*content)
        return [_KINDS[tag](**content[0])]
    except (ValueError, TypeError, LookupError, RecursionError, struct.error):
        return []


def body(message: Message) -> dict[str, Any]:
    """Return the fields of a message as a dictionary, which is then encoded as JSON."""
    fields = dict(vars(message))
    if isinstance(message, Fact):
        fields["detail"] = dict(message.detail)
    return fields


def _json_line(content: Any) -> bytes:
    """Return a value as one line of JSON; empty bytes if JSON cannot represent it."""
    try:
        return json.dumps(content, separators=(",", ":"), default=str).encode() + b"\n"
    except Exception:
        # JSON encoding fails for a list that contains itself, or an object whose `__str__` raises an exception.
        return b""


def _pack_readings(readings: list[Reading]) -> list[Any]:
    """Convert consecutive readings to one list for JSON: the series, the steps, and the values in base64."""
    series = {key: i for i, key in enumerate(dict.fromkeys((r.name, r.place) for r in readings))}
    values = struct.pack(f"<{len(readings)}d", *(r.value for r in readings))
    return [
        _READINGS,
        list(series),
        [series[r.name, r.place] for r in readings],
        [r.step for r in readings],
        base64.b64encode(values).decode(),
    ]


def _unpack_readings(series: list[list[str]], which: list[int], steps: list[int], data: str) -> list[Message]:
    """Convert the contents of a list that `_pack_readings` has returned back to readings."""
    values = struct.unpack(f"<{len(which)}d", base64.b64decode(data))
    rows = zip((series[i] for i in which), steps, values, strict=True)
    return [Reading(name, place, step, value) for (name, place), step, value in rows]
