"""A layer or a function taken away: what it was given goes on in its place.

A module becomes `nn.Identity()`, so that the names and numbers in a `state_dict` stay.
"""

from descend.source.activations import activated, constructor, is_constructor
from descend.source.give_way import give_way
from descend.source.imports import import_module
from descend.source.locate import Place
from descend.source.names import is_call_of
from descend.source.not_applicable import NotApplicable


def without_call(place: Place) -> str | NotApplicable:
    """Return the file's text without the call of `place.site.detail`, a module's class or a function."""
    syntax, name = place.syntax, place.site.detail
    if not is_call_of(syntax, place.call, name):
        return NotApplicable(place.inside)
    if is_constructor(name):
        new = constructor(place.call, "identity")
        text = syntax.replace(place.call, new)
        is_told = syntax.code(new) != "torch.nn.Identity()"
        return text if is_told else import_module(syntax.file, text, "torch")
    given = activated(syntax, place.call)
    if given is None:
        return NotApplicable(f"line {syntax.line(place.call)} does not show what {name} gets")
    return give_way(syntax, place.call, given)
