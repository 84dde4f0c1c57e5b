"""How measurements cross from the observed script to the record: one line of JSON a message, readings packed.

The script's own interpreter writes these lines, so that nothing but the standard library is imported here.
A process can be killed in the middle of a line: what has no end is no line, and is left out.
"""

import base64
import json
import struct
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from descend.doctor.record.reading import Cost, Effect, Ending, Fact, Message, Note, Reading, Site

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
    """Return the messages as lines, in order; neighbouring readings share one line.

    Values keep all 64 bits, so NaN, the infinities and the sign of zero survive.
    """
    lines: list[Any] = []
    for packed, group in groupby(messages, key=lambda message: isinstance(message, Reading)):
        if packed:
            lines.append(_pack(list(group)))  # type: ignore[arg-type]
        else:
            lines.extend([_TAGS[type(message)], body(message)] for message in group)
    return b"".join(_line(line) for line in lines)


def decode(line: bytes) -> list[Message]:
    """Return the messages of one line; none when the line is cut short or is not ours."""
    if not line.endswith(b"\n"):
        return []
    try:
        tag, *content = json.loads(line)
        if tag == _READINGS:
            return _unpack(*content)
        return [_KINDS[tag](**content[0])]
    except (ValueError, TypeError, LookupError, RecursionError, struct.error):
        return []


def body(message: Message) -> dict[str, Any]:
    """Return a message's fields as a dictionary that JSON can hold."""
    fields = dict(vars(message))
    if isinstance(message, Fact):
        fields["detail"] = dict(message.detail)
    return fields


def _line(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":"), default=str).encode() + b"\n"


def _pack(readings: list[Reading]) -> list[Any]:
    series = {key: i for i, key in enumerate(dict.fromkeys((r.name, r.place) for r in readings))}
    values = struct.pack(f"<{len(readings)}d", *(r.value for r in readings))
    return [
        _READINGS,
        list(series),
        [series[r.name, r.place] for r in readings],
        [r.step for r in readings],
        base64.b64encode(values).decode(),
    ]


def _unpack(series: list[list[str]], which: list[int], steps: list[int], data: str) -> list[Message]:
    values = struct.unpack(f"<{len(which)}d", base64.b64decode(data))
    rows = zip((series[i] for i in which), steps, values, strict=True)
    return [Reading(name, place, step, value) for (name, place), step, value in rows]
