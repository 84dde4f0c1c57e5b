"""What the script compiles: switched off in runs of ours, and kept free of our code in the user's own.

A compiled step cannot be looked into, and what it computes is the same but for rounding. In the user's own run a
compiler that follows the script's step into our hooks would break its graphs there and compile our probes.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import torch
from torch import nn

from descend.record.reading import Note
from descend.run.replacing import replaced

SWITCHED_OFF = Note("torch.compile", "switched off in our runs, which changes nothing but rounding")

PARTS = ("data", "iterates", "network", "randomness", "schedules")  # rooms that scripts use: part of the script
_PARTS = tuple(f"descend.{part}" for part in PARTS)
_INLINED = ("descend.run.hooks",)  # does nothing where it is traced


def keep_out_of_graphs(hooks: Iterable[FunctionType]) -> None:
    """Let dynamo compile neither the frames of `hooks` nor anything of ours that they call."""
    from torch._dynamo import trace_rules
    from torch._dynamo.eval_frame import skip_code

    for hook in hooks:
        skip_code(hook.__code__)
    for name, module in list(sys.modules.items()):
        ours = name.startswith("descend.") and not name.startswith(_PARTS) and name not in _INLINED
        if ours and not hasattr(module, "__path__"):  # a package stands for its whole folder
            trace_rules.add(name)


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
