"""The expression or statement that an instrument points at, in the source as it reads now."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path
from typing import Any

from descend.doctor.record import Record, Site
from descend.doctor.script.script import Script
from descend.doctor.source.locate import locate_node
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.shared_measure import is_in_network, measures_elsewhere
from descend.doctor.source.syntax import Node, Syntax

# Kinds of places that a script's measure of errors, or of a likelihood, may go through.
BEHIND_THE_NETWORK = ("on_network", "on_loss", "of_loss", "loss_term", "penalty", "crossing")

# Of what is trained on: one function may make what is evaluated, too.
GIVEN = ("on_inputs", "on_fetched")


def pointed_at(script: Script, record: Record, dose: dict[str, Any]) -> Site | NotApplicable:
    """Return the site of the kind and place that a dose names; none that makes what the dose is judged on."""
    site = record.site(dose["kind"], dose["place"])
    if site is None:
        return NotApplicable("the run did not show where it is in the source")
    if is_put_in(script, site):
        return NotApplicable(f"line {site.line} is one that an earlier change has put in: it is no guess any more")
    is_made_alike = dose.get("is_judged_by_error") or dose.get("is_judged_by_likelihood")  # as the loss may be
    may_be_shared = dose["kind"] in GIVEN or dose["kind"] in BEHIND_THE_NETWORK and is_made_alike
    is_told = may_be_shared and measures_elsewhere(script, record, site)
    if is_told or dose.get("is_judged_by_likelihood") and is_in_network(script, site):
        return NotApplicable(f"what line {site.line} makes is also what the script measures itself by")
    return site


def is_put_in(script: Script, site: Site) -> bool:
    """Whether a site's line was no line of the user's, as it was or reading otherwise, before it was examined."""
    file = Path(site.file)
    if file not in script.examined:
        return False
    return site.line in _put_in(script.unedited(file), script.as_examined(file))


@lru_cache(maxsize=8)  # one text is asked about for every edit of a look
def _put_in(before: str, after: str) -> frozenset[int]:
    """Return the lines that are new; one that reads otherwise is the new line that is most like the old one."""
    old, new, found = before.splitlines(), after.splitlines(), set[int]()
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag in ("insert", "replace"):
            likest = {max(range(k, m), key=lambda n: SequenceMatcher(None, line, new[n]).ratio()) for line in old[i:j]}
            found |= {n + 1 for n in range(k, m) if n not in likest}
    return frozenset(found)


def one_of_at(script: Script, site: Site, kinds: Sequence[type[Node]]) -> tuple[Syntax, Node] | None:
    """Return the expression there that is of the first of these kinds, or None."""
    looked = (locate_node(script, site, kind) for kind in kinds)
    return next((found for found in looked if not isinstance(found, NotApplicable)), None)
