"""Make the same edit at several recorded places in the source."""

from collections.abc import Callable, Sequence
from typing import Any

from descend.doctor.codemod.argument_edits import Setting, apply_edits, set_argument
from descend.doctor.codemod.locate import Place, locate_site
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record, Site, SiteKind
from descend.doctor.script.script import Script


def edit_all_sites(script: Script, sites: Sequence[Site], edit: Callable[[Place], str]) -> Script:
    """Apply `edit`, which returns a file's new source, at each of several places in the source, one after the other."""
    for site in {(s.file, s.line, s.column, s.end_line, s.end_column): s for s in sites}.values():
        place = locate_site(script, site)
        script = script.edit(place.syntax.file, edit(place))
    return script


def set_argument_everywhere(
    script: Script, record: Record, kind: SiteKind, what: str, setting: Callable[[Place], Setting], value: Any
) -> Script:
    """Set an argument in all recorded calls of one kind. `what` describes these calls in error messages.

    The calls of a file are edited together, so that no edit moves the next call.
    """
    files = places_of_kind(script, record, kind, what)
    edited = script
    for places in files:
        calls = [place.call for place in places]
        edits = [set_argument(place, setting(place), value, script, record, calls) for place in places]
        try:
            edited = apply_edits(edited, places[0].syntax, edits, setting(places[0]).words)
        except NotApplicable:
            if len(files) == 1:
                raise
    return edited


def places_of_kind(script: Script, record: Record, kind: SiteKind, what: str) -> list[list[Place]]:
    """Return all recorded calls of one kind, grouped by file. `what` describes them in error messages.

    Raise NotApplicable if the record has no such site, or if one of the calls cannot be edited.
    """
    sites = [site for site in record.sites if site.kind == kind]
    if not sites:
        raise NotApplicable(f"the run did not show where {what} in the source")
    return places_by_file(script, sites)


def places_by_file(script: Script, sites: Sequence[Site]) -> list[list[Place]]:
    """Return the calls at the recorded places, without duplicates and grouped by file."""
    files: dict[str, dict[int, Place]] = {}
    for site in sites:
        place = locate_site(script, site)
        files.setdefault(site.file, {}).setdefault(id(place.call), place)
    return [list(found.values()) for found in files.values()]
