"""A root or a logarithm kept off zero, where its derivative is infinite.

d = torch.sqrt(((a - b) ** 2).sum(1))        # torch.sqrt(((a - b) ** 2).sum(1) + 1e-8)
"""

from pathlib import Path
from typing import Any

import libcst as cst

from descend.doctor.record import Record, Site
from descend.doctor.script.script import Script
from descend.doctor.source.activations import activated
from descend.doctor.source.arguments import number
from descend.doctor.source.brackets import PRIMARY, bracketed
from descend.doctor.source.locate import Place, locate_node, locate_site
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name

FUNCTIONS = {"sqrt", "pow", "log", "log2", "log10"}
STRONGER = PRIMARY | cst.BinaryOperation  # bind at least as a sum does


def away_from_zero(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Add `dose["eps"]` to what is given to each call at the sites `singular` that is in the user's files."""
    refused: NotApplicable | None = None
    edited = script
    for site in record.every_site("singular"):
        text = _at(edited, site, dose["eps"])
        if isinstance(text, NotApplicable):
            refused = refused or text
        else:
            edited = edited.edit(*text)
    if edited is script:
        return refused or NotApplicable("the run did not show where a root or a logarithm is in the source")
    return edited


def _at(script: Script, site: Site, eps: float) -> tuple[Path, str] | NotApplicable:
    """Return the file and its new text."""
    place = locate_site(script, site)
    if isinstance(place, Place):
        given = activated(place.syntax, place.call) if last_name(place.call.func) in FUNCTIONS else None
        if given is None:
            return NotApplicable(place.inside)
        is_receiver = isinstance(place.call.func, cst.Attribute) and given is place.call.func.value
        return place.syntax.file, place.syntax.replace(given, _sum(given, eps, inside=is_receiver))
    found: tuple[Syntax, cst.BinaryOperation] | NotApplicable = locate_node(script, site, cst.BinaryOperation)
    if isinstance(found, NotApplicable) or not isinstance(found[1].operator, cst.Power):
        return place
    syntax, power = found
    return syntax.file, syntax.replace(power.left, _sum(power.left, eps, inside=True))


def _sum(given: cst.BaseExpression, eps: float, *, inside: bool) -> cst.BaseExpression:
    """Return `given + eps`; in brackets where it stands inside an expression that binds closer."""
    total = cst.BinaryOperation(bracketed(given, STRONGER), cst.Add(), number(eps))
    return bracketed(total) if inside else total
