"""Inputs brought to mean 0 and standard deviation 1 as the model gets them (LeCun et al. 1998, section 4.3).

The fit is `descend.network.standardise_inputs`: it takes the statistics from the training data once, so the
line may stand in a function that is called for every epoch.
"""

from typing import Any

from descend.record import Record
from descend.script import Script
from descend.source.feed import find_feed, insert_fit, model_called
from descend.source.not_applicable import NotApplicable
from descend.source.training_call import training_call


def standardise_inputs(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `standardise_inputs(model, data)` before the outermost training loop. It takes no dose."""
    return fit_inputs(script, record, "standardise_inputs")


def fit_inputs(script: Script, record: Record, name: str) -> Script | NotApplicable:
    """Insert `name(model, data)`, of `descend.network`, before the outermost training loop."""
    place = training_call(script, record)
    if isinstance(place, NotApplicable):
        return place
    syntax, call = place.syntax, place.call
    model = model_called(place)
    if isinstance(model, NotApplicable):
        return model
    if not call.args or call.args[0].keyword is not None or call.args[0].star:
        return NotApplicable(f"line {syntax.line(call)} gives the model no inputs by their place")
    feed = find_feed(syntax, model, call.args[0].value, call)
    return insert_fit(script, syntax, feed, name)
