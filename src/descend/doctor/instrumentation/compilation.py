"""Keep our hooks out of the graphs that the script compiles with `torch.compile`.

Otherwise the compiler would follow the script's step into our hooks, break its graphs there and compile our probes.
"""

import sys
from collections.abc import Iterable
from types import FunctionType

COMPILED = "the script uses torch.compile, and recording would change the compiled steps"
# Scripts import these packages of descend, so their code counts as the script's own.
USER_PACKAGES = ("data", "iterates", "network", "core.randomness", "schedules")
_USER_PACKAGES = tuple(f"descend.{part}" for part in USER_PACKAGES)
_INLINED = tuple(  # These modules' hooks do nothing when torch.compile traces them.
    f"descend.doctor.instrumentation.{name}" for name in ("hooks", "backward_wrappers", "functional_gradients")
)


def exclude_from_graphs(hooks: Iterable[FunctionType]) -> None:
    """Exclude `hooks` and the modules of descend that they call from the graphs that torch.compile makes."""
    from torch._dynamo import trace_rules
    from torch._dynamo.eval_frame import skip_code

    for hook in hooks:
        skip_code(hook.__code__)
    for name, module in list(sys.modules.items()):
        ours = name.startswith("descend.") and not name.startswith(_USER_PACKAGES) and name not in _INLINED
        if ours and not hasattr(module, "__path__"):  # A package's name would exclude all its modules.
            trace_rules.add(name)
