"""The name under which a fact of a type is sent and kept: its class's, in the record's way of writing."""

import re

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def name_of(kind: type) -> str:
    """Return the name of a type of facts: `first_step` of `FirstStep`."""
    return _WORD.sub("_", kind.__name__).lower()
