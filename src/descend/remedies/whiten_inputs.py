"""Inputs whose principal components all have variance 1, as the model gets them (LeCun et al. 1998, section 4.3).

The fit is `descend.network.whiten_inputs`, and goes where that of `standardise_inputs` goes.
"""

from typing import Any

from descend.record import Record
from descend.remedies.standardise_inputs import fit_inputs
from descend.script import Script
from descend.source.not_applicable import NotApplicable


def whiten_inputs(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `whiten_inputs(model, data)` before the outermost training loop. It takes no dose."""
    return fit_inputs(script, record, "whiten_inputs")
