"""Finds out why a neural network isn't training, and proves the fix."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from descend.run.inside import watch

__version__ = "0.1.0"
__all__ = ["watch"]


def __getattr__(name: str) -> Any:
    if name == "watch":  # it needs torch, which the command line does without
        from descend.run.inside import watch

        return watch
    raise AttributeError(f"module 'descend' has no attribute {name!r}")
