"""The output activation taken away, for a loss that applies it by itself and expects logits.

A module becomes `nn.Identity()`, so that the names and numbers in a `state_dict` stay. Code of the same
script that reads probabilities from the model's output (a threshold at 0.5, a printed confidence) reads
logits afterwards: this is not rewritten. The class with the largest value is the same.
"""

from typing import Any

from descend.record import Record
from descend.script import Script
from descend.source.activations import activated, constructor, is_constructor
from descend.source.every_site import edit_every_site
from descend.source.give_way import give_way
from descend.source.imports import import_module
from descend.source.locate import Place
from descend.source.names import is_call_of
from descend.source.not_applicable import NotApplicable


def feed_logits(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Remove the activation `dose["activation"]` at the model's output, wherever it was seen."""
    seen = [s for s in record.sites if (s.kind, s.key) == ("activation", "output")]
    if not seen:
        return NotApplicable(f"the run did not show where {dose['activation']} is applied in the source")
    return edit_every_site(script, seen, _without_activation)


def _without_activation(place: Place) -> str | NotApplicable:
    syntax, name = place.syntax, place.site.detail
    if not is_call_of(syntax, place.call, name):
        return NotApplicable(place.inside)
    if is_constructor(name):
        new = constructor(place.call, "identity")
        text = syntax.replace(place.call, new)
        is_told = syntax.code(new) != "torch.nn.Identity()"
        return text if is_told else import_module(syntax.file, text, "torch")
    logits = activated(syntax, place.call)
    if logits is None:
        return NotApplicable(f"line {syntax.line(place.call)} does not show what {name} gets")
    return give_way(syntax, place.call, logits)
