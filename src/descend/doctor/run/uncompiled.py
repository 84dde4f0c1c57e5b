"""Runs of ours are not compiled: a compiled step is closed to us, and the same but for rounding."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from descend.doctor.observing.replacing import replaced
from descend.doctor.record.reading import Note

SWITCHED_OFF = Note("torch.compile", "switched off in our runs: rounding and random draws may differ")


@contextmanager
def uncompiled(send: Callable[[list[Any]], None]) -> Iterator[None]:
    """Have `torch.compile` give back what it is given, a model in the wrapper that it would be in; `send` a note."""
    notes = [SWITCHED_OFF]

    def compile(model: Any = None, **options: Any) -> Any:
        if notes:
            send([notes.pop()])
        return compile if model is None else _wrapped(model) if isinstance(model, nn.Module) else model

    with replaced(torch, "compile", compile):
        yield


def _wrapped(model: nn.Module) -> nn.Module:
    from torch._dynamo.eval_frame import OptimizedModule, _NullDecorator

    return OptimizedModule(model, _NullDecorator())  # type: ignore[arg-type]
