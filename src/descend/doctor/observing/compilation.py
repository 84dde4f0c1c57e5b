"""Keeps our code out of the graphs that the script compiles.

A compiler that follows the script's step into our hooks would break its graphs there and compile our probes.
"""

import sys
from collections.abc import Iterable
from types import FunctionType

COMPILED = "torch.compile is used: a compiled step cannot be recorded without changing it"
PARTS = ("data", "iterates", "network", "ground.randomness", "schedules")  # rooms that scripts use: part of the script
_PARTS = tuple(f"descend.{part}" for part in PARTS)
_INLINED = tuple(
    f"descend.doctor.observing.{name}" for name in ("hooks", "backward", "functional")
)  # do nothing where they are traced


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
