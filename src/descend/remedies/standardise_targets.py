"""Targets brought to mean 0 and standard deviation 1, by a model that answers in their own unit.

The fit is `descend.network.standardise_targets`: loss, metrics and predictions stay in the unit of the targets.
"""

from typing import Any

from descend.record import Record
from descend.script import Script
from descend.source.feed import find_feed, insert_fit, model_called
from descend.source.functions import function_around
from descend.source.locate import Place, locate
from descend.source.loss_targets import find_targets
from descend.source.not_applicable import NotApplicable
from descend.source.passed_on import name_at
from descend.source.training_call import training_call

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
    return insert_fit(script, syntax, find_feed(syntax, name, targets, loss.call, part=1), "standardise_targets")


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
