"""What a statement does to one of several things that belong together is done to its partner, too.

x, y = x[order], y[order]                # weights = weights[order]
image = torch.flip(image, dims=[-1])     # mask = torch.flip(mask, dims=[-1])
"""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.record.facts import Remade
from descend.doctor.script.script import Script
from descend.doctor.source.exact import pointed_at
from descend.doctor.source.insert import insert_after
from descend.doctor.source.locate import statement_around
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.partners import moved_alike

REMAKES: frozenset[Remade] = frozenset({"inputs", "pairs"})  # values are moved, and none is changed


def partner_too(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Do to `dose["partner"]` what the statement at the site of `dose["kind"]` and `dose["place"]` does to `moved`."""
    site = pointed_at(script, record, dose)
    if isinstance(site, NotApplicable):
        return site
    found = statement_around(script, site)
    if isinstance(found, NotApplicable):
        return found
    syntax, statement = found
    alike = moved_alike(syntax, statement, dose["moved"], dose["partner"])
    if not alike:
        return NotApplicable(f"line {site.line} does not show what is done to {dose['moved']}")
    edited = insert_after(syntax, statement, alike)
    return edited if isinstance(edited, NotApplicable) else script.edit(syntax.file, edited)
