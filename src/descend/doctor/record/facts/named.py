"""The name under which a fact is sent and stored: its class name in snake case."""

import re

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def name_of(kind: type) -> str:
    """Return the name under which instances of a dataclass are stored, such as `first_step` for `FirstStep`."""
    return _WORD.sub("_", kind.__name__).lower()
