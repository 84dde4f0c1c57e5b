"""A statement left out that an instrument points at, with the loops and conditions that it was all of."""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.exact import pointed_at
from descend.doctor.source.locate import statement_around
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.remove import remove


def leave_out(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Take away the statement at the site of `dose["kind"]` and `dose["place"]`."""
    site = pointed_at(script, record, dose)
    if isinstance(site, NotApplicable):
        return site
    found = statement_around(script, site)
    if isinstance(found, NotApplicable):
        return found
    syntax, statement = found
    return script.edit(syntax.file, remove(syntax, statement))
