"""Switch `torch.compile` off in descend's runs: a compiled step cannot be observed, and only differs by rounding."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from descend.doctor.instrumentation.attribute_patching import patched_attribute
from descend.doctor.record.messages import Note

SWITCHED_OFF = Note(
    "torch.compile", "torch.compile is off in descend's runs, so rounding and random draws may differ from your own run"
)


@contextmanager
def disable_compilation(send: Callable[[list[Any]], None]) -> Iterator[None]:
    """Replace `torch.compile` inside the `with` block by a function that compiles nothing.

    A model is still returned in torch's usual wrapper. The first call sends a note for the report.
    """
    notes = [SWITCHED_OFF]

    def compile(model: Any = None, **options: Any) -> Any:
        """Return the model or function uncompiled; without an argument, return this function as a decorator."""
        if notes:
            send([notes.pop()])
        return compile if model is None else _wrap_uncompiled(model) if isinstance(model, nn.Module) else model

    with patched_attribute(torch, "compile", compile):
        yield


def _wrap_uncompiled(model: nn.Module) -> nn.Module:
    """Return an uncompiled model in the wrapper class that `torch.compile` uses."""
    from torch._dynamo.eval_frame import OptimizedModule, _NullDecorator

    return OptimizedModule(model, _NullDecorator())  # type: ignore[arg-type]
