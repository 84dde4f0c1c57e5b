"""Places in the source that are edited at once, so that no edit moves what the next one looks for."""

from collections.abc import Sequence

from descend.record import Record, Site
from descend.script import Script
from descend.source.locate import Place, locate_site
from descend.source.not_applicable import NotApplicable


def places_seen(script: Script, record: Record, kind: str, what: str) -> list[list[Place]] | NotApplicable:
    """Return the calls at all sites of a kind, a file's together, or why they cannot be edited; `what` stands there."""
    seen = [site for site in record.sites if site.kind == kind]
    if not seen:
        return NotApplicable(f"the run did not show where {what} in the source")
    return places_by_file(script, seen)


def places_by_file(script: Script, sites: Sequence[Site]) -> list[list[Place]] | NotApplicable:
    """Return the calls at the sites, each once and a file's together, or why one of them cannot be edited."""
    files: dict[str, dict[int, Place]] = {}
    for site in sites:
        place = locate_site(script, site)
        if isinstance(place, NotApplicable):
            return place
        files.setdefault(site.file, {}).setdefault(id(place.call), place)
    return [list(found.values()) for found in files.values()]
