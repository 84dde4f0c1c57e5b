"""An attribute replaced for as long as a context lasts."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def replaced(owner: Any, name: str, new: Any) -> Iterator[None]:
    """Have `owner.name` be `new`; put back what was there, unless the script has put something of its own there."""
    old = owner.__dict__[name]
    setattr(owner, name, new)
    try:
        yield
    finally:
        if owner.__dict__[name] is new:
            setattr(owner, name, old)


def standing_for(original: Any) -> Callable[[Any], Any]:
    """Like `functools.wraps`, for a function of torch's: TorchScript compiles the original, and the tape records it."""

    def marked(new: Any) -> Any:
        new.__prepare_scriptable__ = lambda: original
        new.stands_for = original
        return functools.wraps(original)(new)

    return marked
