"""Replace the loss by the one that fits the model's outputs."""

from dataclasses import dataclass

import libcst as cst

from descend.core.operations import Trait, having
from descend.doctor.codemod.arguments import has_unpacked_arguments, keyword_argument
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.replace_callee import replace_callee
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

MODULES = {  # function in torch.nn.functional -> class in torch.nn
    "cross_entropy": "CrossEntropyLoss",
    "nll_loss": "NLLLoss",
    "binary_cross_entropy": "BCELoss",
    "binary_cross_entropy_with_logits": "BCEWithLogitsLoss",
    "mse_loss": "MSELoss",
    "huber_loss": "HuberLoss",
    "l1_loss": "L1Loss",
    "smooth_l1_loss": "SmoothL1Loss",
}
ORDER = {  # loss function -> its positional parameters after the predictions and the targets
    "cross_entropy": "weight size_average ignore_index reduce reduction label_smoothing",
    "nll_loss": "weight size_average ignore_index reduce reduction",
    "binary_cross_entropy": "weight size_average reduce reduction",
    "binary_cross_entropy_with_logits": "weight size_average reduce reduction pos_weight",
    "mse_loss": "size_average reduce reduction",
    "huber_loss": "reduction delta",
    "l1_loss": "size_average reduce reduction",
    "smooth_l1_loss": "size_average reduce reduction beta",
}
# losses whose `weight` has one number per class; in the other losses, it has one per example
WEIGHS_CLASSES = having(Trait.CLASS_LOSS)
PAIR = ["input", "target"]


@dataclass(frozen=True)
class MatchingLossArguments:
    """Arguments of the remedy `matching_loss`, which replaces the loss by one that fits the model's outputs."""

    loss: str  # name of the new loss function in torch.nn.functional


def matching_loss(script: Script, record: Record, arguments: MatchingLossArguments) -> Script:
    """Replace the loss by another function of torch.nn.functional, or a loss module by another module of torch.nn."""
    new = arguments.loss
    if new not in MODULES:
        raise NotApplicable(f"`{new}` is not a known loss")
    place = locate(script, record, SiteKind.LOSS_MODULE if record.site(SiteKind.LOSS_MODULE) else SiteKind.LOSS)
    syntax, call, name = place.syntax, place.call, place.site.detail
    is_module = place.site.kind == SiteKind.LOSS_MODULE
    if not is_call_of(syntax, call, name):
        raise NotApplicable(place.indirect_call_message)
    old = next((function for function, module in MODULES.items() if name in (function, module)), "")
    if old == new:
        raise NotApplicable(f"the loss in line {syntax.line(call)} is already {name}")
    pair = [] if is_module else PAIR
    if has_unpacked_arguments(call) or (len(call.args) > len(pair) and not old):
        raise NotApplicable(f"the arguments of {name} in line {syntax.line(call)} may have another meaning for {new}")
    whole = f"torch.nn.{MODULES[new]}" if is_module else f"torch.nn.functional.{new}"
    text = replace_callee(syntax, call, whole, _shared_arguments(call, old, new, pair))
    return script.edit(syntax.file, text)


def _shared_arguments(call: cst.Call, old: str, new: str, pair: list[str]) -> list[cst.Arg]:
    """Return the arguments of the old loss's call that mean the same in a call of the new loss."""
    before, after = [*pair, *ORDER.get(old, "").split()], [*pair, *ORDER[new].split()]
    kept: list[cst.Arg] = []
    for i, argument in enumerate(call.args):
        name = argument.keyword.value if argument.keyword is not None else "".join(before[i : i + 1])
        if name not in after or (name == "weight" and (old in WEIGHS_CLASSES) != (new in WEIGHS_CLASSES)):
            continue
        in_place = argument.keyword is not None or (after[i : i + 1] == [name] and len(kept) == i)
        kept.append(argument if in_place else keyword_argument(name, argument.value))
    return kept
