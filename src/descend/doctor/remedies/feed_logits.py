"""The output activation taken away, for a loss that applies it by itself and expects logits.

Code of the same script that reads probabilities from the model's output (a threshold at 0.5, a printed confidence)
reads logits afterwards: this is not rewritten. The class with the largest value is the same.
"""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.every_site import edit_every_site
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.without_call import without_call


def feed_logits(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Remove the activation `dose["activation"]` at the model's output, wherever it was seen."""
    seen = record.every_site("activation", "output")
    if not seen:
        return NotApplicable(f"the run did not show where {dose['activation']} is applied in the source")
    return edit_every_site(script, seen, without_call)
