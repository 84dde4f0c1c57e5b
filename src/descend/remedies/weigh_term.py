"""A term of the loss divided by as many times as it has too much weight beside what is averaged over more values.

kl = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1).mean()      # (torch.sum(…, dim=1) / 64).mean()
"""

from typing import Any

import libcst as cst

from descend.record import Record
from descend.script import Script
from descend.source.arguments import written
from descend.source.brackets import bracketed
from descend.source.locate import locate
from descend.source.not_applicable import NotApplicable
from descend.source.syntax import last_name


def weigh_term(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Divide the sum, or the mean, at the site `summed_term` by `dose["divisor"]`."""
    place = locate(script, record, "summed_term")
    if isinstance(place, NotApplicable):
        return place
    if last_name(place.call.func) not in ("sum", "mean"):
        return NotApplicable(place.inside)
    quotient = cst.BinaryOperation(place.call, cst.Divide(), written(dose["divisor"]))
    return script.edit(place.syntax.file, place.syntax.replace(place.call, bracketed(quotient)))
