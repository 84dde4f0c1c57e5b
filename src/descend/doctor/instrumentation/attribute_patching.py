"""Replace attributes of objects within a context."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def patched_attribute(owner: Any, name: str, new: Any) -> Iterator[None]:
    """Set `owner.name` to `new` inside the `with` block; then restore it, unless the script has set it."""
    old = owner.__dict__[name]
    setattr(owner, name, new)
    try:
        yield
    finally:
        if owner.__dict__[name] is new:
            setattr(owner, name, old)


def wraps_torch_function(original: Any) -> Callable[[Any], Any]:
    """Return a decorator like `functools.wraps`, after which TorchScript and our recordings still find `original`."""

    def mark_wrapper(new: Any) -> Any:
        """Store the original torch function in its wrapper `new`, where TorchScript and our recordings find it."""
        new.__prepare_scriptable__ = lambda: original
        new.stands_for = original
        return functools.wraps(original)(new)

    return mark_wrapper
