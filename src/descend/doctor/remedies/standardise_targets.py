"""Targets brought to mean 0 and standard deviation 1, by a model that answers in their own unit.

Loss, metrics and predictions stay in the unit of the targets. The patch writes what does it into the user's file: the
model's own `forward` scales its output where the text shows that all of it is theirs, and where the optimizer's steps
do not depend on the gradient's scale, which grows with that of the targets; else a hook does. Where the targets are
not seen to be numbers or rows of them it is `descend.network.standardise_targets`.
"""

from functools import partial
from typing import Any

from descend.doctor.record import Record, facts
from descend.doctor.remedies.standardise_inputs import is_wrapped
from descend.doctor.script.script import Script
from descend.doctor.source.aliases import name_at
from descend.doctor.source.feed import Feed, find_feed, fit_place, insert_fit, model_called
from descend.doctor.source.flow import Source
from descend.doctor.source.functions import function_around
from descend.doctor.source.in_forward import output_becomes, registered, with_buffers
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.loss_targets import find_targets
from descend.doctor.source.names import free_name
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.training_call import training_call
from descend.doctor.source.whole_data import moved_to_model, read_here, read_whole

HOOK = '''
def in_own_unit(module, args, output):
{learnt}    return module.target_mean + module.target_std * {name}


def standardise_targets(model, {data}):
    """Let `model` learn targets of mean 0 and standard deviation 1, and answer in their own unit."""
{read}
    model.register_buffer("target_mean", targets.mean({over}){to})
    model.register_buffer("target_std", targets.std({over}){to})
{constant}    model.register_forward_hook(in_own_unit)
'''
LEARNT = """\
    # the gradient is that of a squared error of targets with standard deviation 1
    learnt = output.detach() + (output - output.detach()) / module.target_std**2
"""
IN_FORWARD = "self.target_mean + self.target_std * {}"
CONSTANT = "    model.target_std[model.target_std == 0] = 1  # quantities that never change\n"
SCALE_FREE = frozenset({"Adam", "Adamax", "NAdam", "RAdam", "AdamW", "RMSprop", "Rprop"})  # their steps are
CLASSES = ("cross_entropy", "crossentropy", "nll", "bce", "hinge", "margin")  # in the names of classifiers' losses


def standardise_targets(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Scale in the model's `forward`, or insert `standardise_targets(model, data)`, before the training. No dose."""
    fed = _fed(script, record)
    if isinstance(fed, NotApplicable):
        return fed
    feed, loss = fed
    if isinstance(by_itself := _in_forward(script, record, feed, loss), Script):
        return by_itself
    return insert_fit(script, loss.syntax, feed, "standardise_targets", partial(_written, record, loss))


def _fed(script: Script, record: Record) -> tuple[Feed, Place] | NotApplicable:
    """Return how the loss is fed its targets, and where it is computed; they have to be quantities."""
    called, loss = training_call(script, record), locate(script, record, "loss")
    if isinstance(called, NotApplicable):
        return called
    if isinstance(loss, NotApplicable):
        return loss
    model = model_called(called)
    if isinstance(model, NotApplicable):
        return model
    syntax, line = loss.syntax, loss.syntax.line(loss.call)
    if kind := _classes(record):
        return NotApplicable(f"the targets of {kind} are classes, not quantities")
    name = _name_at_loss(called, model, loss)
    targets = find_targets(syntax, loss.call)
    if name is None:
        return NotApplicable(f"line {line} does not see the model")
    if targets is None:
        return NotApplicable(f"line {line} does not show the targets of the loss")
    return find_feed(syntax, name, targets, loss.call, part=1), loss


def _is_of_any_scale(record: Record) -> bool:
    """Whether the rule's steps are as long whatever the gradient's scale."""
    rule = record.fact(facts.Optimizer, "0")
    return rule is not None and rule.rule in SCALE_FREE


def _in_forward(script: Script, record: Record, feed: Feed, loss: Place) -> Script | NotApplicable:
    syntax, carried = loss.syntax, fit_place(loss.syntax, feed)
    if isinstance(carried, NotApplicable):
        return carried
    several, targets = _are_several(record, loss, carried.source), free_name(syntax, "targets")
    if several is None or not _is_of_any_scale(record) or not read_here(carried.source, targets, ""):
        return NotApplicable("the steps are not as long whatever the scale, or the targets are no rows of numbers")

    def lines(data: str) -> list[str]:
        over = ("0", "quantities") if several else ("", "")
        return [read_here(carried.source, targets, data), *registered(syntax, carried.model, "target", targets, *over)]

    return with_buffers(script, record, syntax, carried, lines, output_becomes(IN_FORWARD))


def _are_several(record: Record, loss: Place, source: Source) -> bool | None:
    """Whether the targets are rows of several numbers, and not numbers; None where they are seen to be neither."""
    given, targets = record.fact(facts.LossInput), record.fact(facts.Targets)
    if given is None or targets is None or targets.mean is None or not targets.finite:
        return None
    shape = given.target_shape
    if not shape or len(shape) > 2 or is_wrapped(record, loss.syntax):
        return None
    several = len(shape) == 2 and shape[1] > 1
    return None if several and source.reshaped else several


def _written(record: Record, loss: Place, source: Source) -> str:
    """Return the code that standardises such targets; "" where what is seen of them does not do."""
    several, read = _are_several(record, loss, source), read_whole(source, "targets")
    if several is None or read is None:
        return ""
    any_scale = _is_of_any_scale(record)
    return HOOK.format(
        learnt="" if any_scale else LEARNT,
        name="output" if any_scale else "learnt",
        data=read.parameter,
        read=read.lines,
        over="0" if several else "",
        to=moved_to_model(loss.syntax.module.code),
        constant=CONSTANT if several else "",
    )


def _name_at_loss(called: Place, model: str, loss: Place) -> str | None:
    """Return what the model is called where the loss is computed, or None."""
    syntax = loss.syntax
    if called.syntax is not syntax:
        return None
    homes = [function_around(syntax, place.call) for place in (called, loss)]
    return model if homes[0] == homes[1] else name_at(syntax, called.call, model, loss.call)


def _classes(record: Record) -> str:
    details = [site.detail for site in record.sites if site.kind in ("loss", "loss_module")]
    return next((detail for detail in details if any(word in detail.lower() for word in CLASSES)), "")
