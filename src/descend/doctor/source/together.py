"""Places in the source that are edited at once, so that no edit moves what the next one looks for."""

from collections.abc import Callable, Sequence
from typing import Any

from descend.doctor.record import Record, Site
from descend.doctor.script.script import Script
from descend.doctor.source.locate import Place, locate_site
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.setting import Setting, apply, set_argument


def places_seen(script: Script, record: Record, kind: str, what: str) -> list[list[Place]] | NotApplicable:
    """Return the calls at all sites of a kind, a file's together, or why they cannot be edited; `what` stands there."""
    seen = [site for site in record.sites if site.kind == kind]
    if not seen:
        return NotApplicable(f"the run did not show where {what} in the source")
    return places_by_file(script, seen)


def set_at_once(
    script: Script, record: Record, kind: str, what: str, setting: Callable[[Place], Setting], value: Any
) -> Script | NotApplicable:
    """Give the argument `setting(place)` its value in the calls at all sites of a kind; `what` stands there."""
    files = places_seen(script, record, kind, what)
    if isinstance(files, NotApplicable):
        return files
    edited = script
    for places in files:
        together = [place.call for place in places]
        edits = []
        for place in places:
            edit = set_argument(place, setting(place), value, script, record, together)
            if isinstance(edit, NotApplicable):
                return edit
            edits.append(edit)
        changed = apply(edited, places[0].syntax, edits, setting(places[0]).words)
        if isinstance(changed, NotApplicable) and len(files) == 1:
            return changed
        edited = changed if isinstance(changed, Script) else edited
    return edited


def places_by_file(script: Script, sites: Sequence[Site]) -> list[list[Place]] | NotApplicable:
    """Return the calls at the sites, each once and a file's together, or why one of them cannot be edited."""
    files: dict[str, dict[int, Place]] = {}
    for site in sites:
        place = locate_site(script, site)
        if isinstance(place, NotApplicable):
            return place
        files.setdefault(site.file, {}).setdefault(id(place.call), place)
    return [list(found.values()) for found in files.values()]
