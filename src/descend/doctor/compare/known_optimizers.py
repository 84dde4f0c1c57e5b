"""Optimizers that can be compared, by the names that users give them, with the usual learning rate of each.

Momentum and Nesterov are `torch.optim.SGD` with momentum 0.9 (Sutskever et al. 2013).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from descend.core.control_characters import shortened
from descend.core.errors import UsageError
from descend.doctor.codemod.arguments import accepts_argument
from descend.doctor.codemod.replace_optimizer import DESCEND_HOME, DESCEND_OPTIMIZERS


@dataclass(frozen=True)
class KnownOptimizer:
    """An optimizer of torch or of `descend.optim`, and the learning rate from which its search starts."""

    name: str  # the name that the user gives
    lr: float  # usual learning rate
    source: str  # where the usual learning rate is from
    rule: str = ""  # its class; "" if the class has the same name
    settings: Mapping[str, float | bool] = field(default_factory=dict)  # arguments that define the optimizer
    arguments: frozenset[str] = frozenset()  # numbers that can be searched, for optimizers of `descend.optim`

    @property
    def class_name(self) -> str:
        """The name of its class, such as "SGD" for Momentum."""
        return self.rule or self.name

    @property
    def needs(self) -> str:
        """The package that a script with this optimizer needs besides torch; "" if it needs none."""
        return DESCEND_HOME if self.class_name in DESCEND_OPTIMIZERS else ""

    def accepts(self, argument: str) -> bool:
        """Return whether its class has an argument, such as "momentum"."""
        return argument in self.arguments if self.needs else accepts_argument(self.class_name, argument)


BENGIO = "Bengio 2012, §3.1.1"
ADAM, ADAMAX = "Kingma & Ba 2015, Algorithm 1", "Kingma & Ba 2015, Algorithm 2"
TORCH = "the default of the class in torch.optim"
OURS = "the default of the class in descend.optim"


def _ours(name: str, lr: float, arguments: str, source: str = OURS) -> KnownOptimizer:
    """Return an optimizer of `descend.optim` with these numbers as arguments."""
    return KnownOptimizer(name, lr, source, arguments=frozenset(arguments.split()))


OPTIMIZERS = {
    optimizer.name: optimizer
    for optimizer in (
        KnownOptimizer("SGD", 0.01, BENGIO),
        KnownOptimizer("Momentum", 0.01, BENGIO, "SGD", {"momentum": 0.9}),
        KnownOptimizer("Nesterov", 0.01, BENGIO, "SGD", {"momentum": 0.9, "nesterov": True}),
        KnownOptimizer("Adam", 1e-3, ADAM),
        KnownOptimizer("AdamW", 1e-3, "Loshchilov & Hutter 2019, Algorithm 2"),
        KnownOptimizer("Adamax", 2e-3, ADAMAX),
        KnownOptimizer("NAdam", 2e-3, TORCH),
        KnownOptimizer("RAdam", 1e-3, TORCH),
        KnownOptimizer("RMSprop", 1e-2, TORCH),
        KnownOptimizer("Adagrad", 1e-2, TORCH),
        KnownOptimizer("Adadelta", 1.0, TORCH),
        KnownOptimizer("Adafactor", 1e-2, TORCH),
        KnownOptimizer("ASGD", 1e-2, TORCH),
        KnownOptimizer("Rprop", 1e-2, TORCH),
        _ours("Lion", 1e-4, "weight_decay", "Chen et al. 2023"),
        _ours("Muon", 1e-3, "weight_decay momentum eps"),
        _ours("SOAP", 3e-3, "eps weight_decay"),
        _ours("LAMB", 1e-3, "eps weight_decay"),
        _ours("LARS", 1.0, "momentum weight_decay trust eps", "You, Gitman & Ginsburg 2017"),
        _ours("AddSign", 0.1, "beta alpha weight_decay"),
        _ours("PowerSign", 0.1, "beta base weight_decay"),
        _ours("DeltaBarDelta", 1e-2, "growth shrinkage decay weight_decay"),
        _ours("YellowFin", 1.0, "beta weight_decay"),
    )
}
CLOSURE = "its step needs a closure that computes the loss"
UNSUPPORTED = {  # optimizer -> why it cannot replace another one by an edit of one call
    "LBFGS": CLOSURE,
    "NewtonCG": CLOSURE,
    "DiagonalNewton": CLOSURE,
    "SparseAdam": "it accepts only sparse gradients",
    "SophiaG": "the training loop has to call its method update_curvature",
    "ScheduleFreeAdamW": "the script has to call its methods eval and train around each evaluation",
}


def find_optimizer(name: str) -> KnownOptimizer:
    """Return the optimizer with a name, in upper or lower case. Raises `UsageError` if it cannot be compared."""
    lower = {known.lower(): known for known in (*OPTIMIZERS, *UNSUPPORTED)}
    known = lower.get(name.strip().lower().replace("_", ""))
    if known in OPTIMIZERS:
        return OPTIMIZERS[known]
    if known is not None:
        raise UsageError(f"{known} cannot be compared: {UNSUPPORTED[known]}")
    close = [lower[match] for match in get_close_matches(name.strip().lower(), lower)]
    hint = f"did you mean {' or '.join(close)}?" if close else f"the optimizers are {', '.join(OPTIMIZERS)}"
    raise UsageError(f"there is no optimizer {shortened(name)} in torch.optim or descend.optim; {hint}")
