"""One edit, made at every place in the source that the record names for the same thing."""

from collections.abc import Callable, Sequence

from descend.doctor.record import Site
from descend.doctor.script.script import Script
from descend.doctor.source.locate import Place, locate_site
from descend.doctor.source.not_applicable import NotApplicable


def edit_every_site(
    script: Script, sites: Sequence[Site], edit: Callable[[Place], str | NotApplicable]
) -> Script | NotApplicable:
    """Return the script after `edit`, which gives a file's new text, at each of the sites; a site seen twice is one."""
    for site in {(s.file, s.line, s.column, s.end_line, s.end_column): s for s in sites}.values():
        place = locate_site(script, site)
        if isinstance(place, NotApplicable):
            return place
        text = edit(place)
        if isinstance(text, NotApplicable):
            return text
        script = script.edit(place.syntax.file, text)
    return script
