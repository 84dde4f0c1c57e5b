"""A statement left out that an instrument points at, with the loops and conditions that it was all of."""

from typing import Any

from descend.record import Record
from descend.script import Script
from descend.source.exact import pointed_at
from descend.source.locate import statement_around
from descend.source.not_applicable import NotApplicable
from descend.source.remove import remove


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
