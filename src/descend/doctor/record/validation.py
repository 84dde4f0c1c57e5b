"""Validation of every message from the observed script before it is used.

The script can write anything to the pipe. A message with a wrong type is dropped; secrets and control characters are
removed from free text.
"""

from collections.abc import Iterator
from dataclasses import replace

from descend.core.bound import Count
from descend.core.control_characters import escape_control_characters
from descend.doctor.record.decoding import DECODING_ERRORS, as_type
from descend.doctor.record.facts.typed import KINDS, typed
from descend.doctor.record.messages import Effect, Ending, Fact, Message, Note, Reading
from descend.doctor.record.wire import decode
from descend.doctor.redaction import mask_secrets

LONGEST_LINE = Count(64 << 20, "bytes", "chosen: the longest line in the records of 324 runs is 700 times shorter")
_LARGEST = 2**63  # A store holds 64-bit integers, whose magnitude is below this number.


class Lines:
    """Splits the bytes from a pipe into lines. A line that is too long is dropped, because it could fill the memory."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._waiting = bytearray()
        self._is_left_out = False

    def add(self, block: bytes) -> list[bytes]:
        """Accept the next bytes from the pipe; return the lines that end within them."""
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


def valid_messages(line: bytes) -> Iterator[Message]:
    """Decode a line of JSON; yield its messages with valid types, without secrets and control characters."""
    for message in decode(line):
        if _has_valid_types(message):
            yield sanitise(message)


def sanitise(message: Message) -> Message:
    """Return a message with masked secrets and escaped control characters in its free text.

    Names and places in the source stay, because remedies search the source for them. They are cleaned
    when they are stored or shown.
    """
    match message:
        case Ending(error=error) if error:
            return replace(message, error=_clean_text(error))
        case Note(reason=reason):
            return replace(message, reason=_clean_text(reason))
        case Effect(target=target):
            return replace(message, target=_clean_text(target))
    return message


def _has_valid_types(message: Message) -> bool:
    """Return whether all fields of a message have the right types, and its integers fit into 64 bits."""
    if isinstance(message, Reading):
        name, place, step, value = message
        texts = type(name) is str and type(place) is str
        return texts and type(step) is int and abs(step) < _LARGEST and type(value) is float
    try:
        as_type(type(message), vars(message), "message")
        numbers = [value for value in vars(message).values() if type(value) is int]
        if isinstance(message, Fact):
            typed(KINDS[message.name], message.detail)
    except DECODING_ERRORS:
        return False
    return all(abs(number) < _LARGEST for number in numbers)


def _clean_text(text: str) -> str:
    """Return a text with masked secrets and escaped control characters."""
    return escape_control_characters(mask_secrets(text))
