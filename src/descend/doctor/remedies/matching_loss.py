"""Another loss function: the one that is made for what the model puts out."""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import is_unpacked, keyword
from descend.doctor.source.callee import call_instead
from descend.doctor.source.locate import locate
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable

MODULES = {  # what the function is called -> the class in torch.nn
    "cross_entropy": "CrossEntropyLoss",
    "nll_loss": "NLLLoss",
    "binary_cross_entropy": "BCELoss",
    "binary_cross_entropy_with_logits": "BCEWithLogitsLoss",
    "mse_loss": "MSELoss",
    "huber_loss": "HuberLoss",
    "l1_loss": "L1Loss",
    "smooth_l1_loss": "SmoothL1Loss",
}
ORDER = {  # what they take, by place, besides predictions and targets
    "cross_entropy": "weight size_average ignore_index reduce reduction label_smoothing",
    "nll_loss": "weight size_average ignore_index reduce reduction",
    "binary_cross_entropy": "weight size_average reduce reduction",
    "binary_cross_entropy_with_logits": "weight size_average reduce reduction pos_weight",
    "mse_loss": "size_average reduce reduction",
    "huber_loss": "reduction delta",
    "l1_loss": "size_average reduce reduction",
    "smooth_l1_loss": "size_average reduce reduction beta",
}
WEIGHS_CLASSES = {"cross_entropy", "nll_loss"}  # the others weigh examples
PAIR = ["input", "target"]


def matching_loss(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Compute the loss `dose["loss"]`, a name of torch.nn.functional, by its module where the script has one."""
    new = dose["loss"]
    if new not in MODULES:
        return NotApplicable(f"`{new}` is no loss that is known here")
    place = locate(script, record, "loss_module" if record.site("loss_module") else "loss")
    if isinstance(place, NotApplicable):
        return place
    syntax, call, name = place.syntax, place.call, place.site.detail
    is_module = place.site.kind == "loss_module"
    if not is_call_of(syntax, call, name):
        return NotApplicable(place.inside)
    old = next((function for function, module in MODULES.items() if name in (function, module)), "")
    if old == new:
        return NotApplicable(f"the loss in line {syntax.line(call)} is {name} already")
    pair = [] if is_module else PAIR
    if is_unpacked(call) or (len(call.args) > len(pair) and not old):
        return NotApplicable(f"the arguments of {name} in line {syntax.line(call)} may not mean the same for {new}")
    whole = f"torch.nn.{MODULES[new]}" if is_module else f"torch.nn.functional.{new}"
    text = call_instead(syntax, call, whole, _arguments(call, old, new, pair))
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)


def _arguments(call: cst.Call, old: str, new: str, pair: list[str]) -> list[cst.Arg]:
    """Return the arguments that mean the same for the new loss."""
    before, after = [*pair, *ORDER.get(old, "").split()], [*pair, *ORDER[new].split()]
    kept: list[cst.Arg] = []
    for i, argument in enumerate(call.args):
        name = argument.keyword.value if argument.keyword is not None else "".join(before[i : i + 1])
        if name not in after or (name == "weight" and (old in WEIGHS_CLASSES) != (new in WEIGHS_CLASSES)):
            continue
        in_place = argument.keyword is not None or (after[i : i + 1] == [name] and len(kept) == i)
        kept.append(argument if in_place else keyword(name, argument.value))
    return kept
