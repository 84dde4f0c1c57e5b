"""Replace the optimizer by Adam, which adapts the step of each parameter to its gradients (Kingma & Ba 2015).

Other optimizers of torch or of `descend.optim` are possible, such as LARS, which adapts the step of each layer.
"""

from dataclasses import dataclass

from descend.doctor.assess.effective_rate import effective_learning_rate, find_overriding_scheduler
from descend.doctor.codemod.arguments import has_group_argument, makes_optimizer
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.replace_optimizer import NewOptimizer, replace_optimizer
from descend.doctor.codemod.syntax import last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

ADAPTIVE = frozenset({"Adam", "AdamW", "Adamax", "NAdam", "RAdam"})


@dataclass(frozen=True)
class AdaptiveRuleArguments:
    """Arguments of the remedy `adaptive_rule`, which replaces the optimizer by an adaptive one, such as Adam."""

    lr: float
    rule: str = "Adam"  # class name of the new optimizer
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def adaptive_rule(script: Script, record: Record, arguments: AdaptiveRuleArguments) -> Script:
    """Replace the optimizer by another one, such as Adam, with the given learning rate and the old weight decay."""
    key = arguments.optimizer
    place = locate(script, record, SiteKind.OPTIMIZER, key)
    name = last_name(place.call.func)
    if name in ADAPTIVE:
        raise NotApplicable(f"{name} is already an adaptive optimizer")
    if makes_optimizer(place) and has_group_argument(place.syntax, place.call, "lr"):
        raise NotApplicable("the parameter groups have their own learning rates")
    new = NewOptimizer(arguments.rule, arguments.lr)
    rate, scheduler = effective_learning_rate(record, key), find_overriding_scheduler(record)
    return replace_optimizer(script, record, key, new, rate, scheduler)
