"""Check and clean every message of the observed script before it is used.

The script can write whatever it likes to the pipe. A message of another form than its type is left out; free text loses
its secrets and control characters.
"""

from collections.abc import Iterator
from dataclasses import replace

from descend.doctor.record.decoding import WRONG, as_type
from descend.doctor.record.facts.older import name_now
from descend.doctor.record.facts.typed import KINDS, typed
from descend.doctor.record.reading import Effect, Ending, Fact, Message, Note, Reading
from descend.doctor.record.wire import decode
from descend.doctor.redaction import clean
from descend.ground.bound import Count
from descend.ground.control_characters import escaped

LONGEST_LINE = Count(64 << 20, "bytes", "chosen: 700 times the longest line of 324 kept runs")
_LARGEST = 2**63  # of the whole numbers that a store can hold


class Lines:
    """What comes by one pipe, cut into lines; a line that is too long is left out, so that it fills no memory."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._waiting = bytearray()
        self._is_left_out = False

    def add(self, block: bytes) -> list[bytes]:
        """Take some bytes and return the lines that are whole now."""
        first, *others = block.split(b"\n")
        self._waiting += first
        lines = []
        for part in others:
            if not self._is_left_out:
                lines.append(bytes(self._waiting) + b"\n")
            self._is_left_out = False
            self._waiting = bytearray(part)
        if len(self._waiting) > self._longest:
            self._is_left_out = True
            self._waiting.clear()
        return lines


def arrivals(line: bytes) -> Iterator[Message]:
    """Yield the messages of a line that have the form of their types, made ready to be kept and shown."""
    for message in decode(line):
        if _is_sound(message):
            yield arrived(message)


def arrived(message: Message) -> Message:
    """Return a message whose free text has no secrets and no control characters.

    Names and places in the source stay: remedies look for them there; they are cleaned where they are kept or shown.
    """
    match message:
        case Ending(error=error) if error:
            return replace(message, error=_cleaned(error))
        case Note(reason=reason):
            return replace(message, reason=_cleaned(reason))
        case Effect(target=target):
            return replace(message, target=_cleaned(target))
    return message


def _is_sound(message: Message) -> bool:
    """Whether every field has its type, and what is observed the form of one of `record.facts`."""
    if isinstance(message, Reading):
        name, place, step, value = message
        texts = type(name) is str and type(place) is str
        return texts and type(step) is int and abs(step) < _LARGEST and type(value) is float
    try:
        as_type(type(message), vars(message), "message")
        numbers = [value for value in vars(message).values() if type(value) is int]
        if isinstance(message, Fact):
            typed(KINDS[name_now(message.name)], message.detail)
    except WRONG:
        return False
    return all(abs(number) < _LARGEST for number in numbers)


def _cleaned(text: str) -> str:
    return escaped(clean(text))
