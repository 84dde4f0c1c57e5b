"""Targets brought to mean 0 and standard deviation 1, by a model that answers in their own unit.

Loss, metrics and predictions stay in the unit of the targets. The patch writes what does it into the user's file; where
the targets are not seen to be numbers or rows of them it is `descend.network.standardise_targets`.
"""

from functools import partial
from typing import Any

from descend.doctor.record import Record, facts
from descend.doctor.remedies.standardise_inputs import is_wrapped
from descend.doctor.script.script import Script
from descend.doctor.source.aliases import name_at
from descend.doctor.source.feed import find_feed, insert_fit, model_called
from descend.doctor.source.flow import Source
from descend.doctor.source.functions import function_around
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.loss_targets import find_targets
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.training_call import training_call
from descend.doctor.source.whole_data import moved_to_model, read_whole

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
CONSTANT = "    model.target_std[model.target_std == 0] = 1  # quantities that never change\n"
SCALE_FREE = frozenset({"Adam", "Adamax", "NAdam", "RAdam", "AdamW", "RMSprop", "Rprop"})  # their steps are
CLASSES = ("cross_entropy", "crossentropy", "nll", "bce", "hinge", "margin")  # in the names of classifiers' losses


def standardise_targets(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `standardise_targets(model, data)` before the outermost training loop. It takes no dose."""
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
    feed = find_feed(syntax, name, targets, loss.call, part=1)
    return insert_fit(script, syntax, feed, "standardise_targets", partial(_written, record, loss))


def _written(record: Record, loss: Place, source: Source) -> str:
    """Return the code that standardises such targets; "" where what is seen of them does not do."""
    given, targets = record.fact(facts.LossInput), record.fact(facts.Targets)
    if given is None or targets is None or targets.mean is None or not targets.finite:
        return ""
    shape, read = given.target_shape, read_whole(source, "targets")
    if read is None or not shape or len(shape) > 2 or is_wrapped(record, loss.syntax):
        return ""
    are_several = len(shape) == 2 and shape[1] > 1
    if are_several and source.reshaped:
        return ""
    rule = record.fact(facts.Optimizer, "0")
    is_of_any_scale = rule is not None and rule.rule in SCALE_FREE
    return HOOK.format(
        learnt="" if is_of_any_scale else LEARNT,
        name="output" if is_of_any_scale else "learnt",
        data=read.parameter,
        read=read.lines,
        over="0" if are_several else "",
        to=moved_to_model(loss.syntax.module.code),
        constant=CONSTANT if are_several else "",
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
