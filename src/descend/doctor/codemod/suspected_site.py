"""Find the code in the current source that a measurement suspects as the cause of a problem."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from descend.doctor.codemod.line_mapping import inserted_lines
from descend.doctor.codemod.locate import locate_node
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.shared_metric import is_in_network, is_shared_with_metric
from descend.doctor.codemod.syntax import Node, Syntax
from descend.doctor.record import Record, Site, SiteKind
from descend.doctor.script.script import Script

# Calls of these kinds are between the network and the loss. A metric of the script may use the same code.
LOSS_SITE_KINDS = (
    SiteKind.ON_NETWORK,
    SiteKind.ON_LOSS,
    SiteKind.OF_LOSS,
    SiteKind.LOSS_TERM,
    SiteKind.PENALTY,
    SiteKind.CROSSING,
)

# Calls of these kinds prepare the training data. The same code may prepare the evaluation data.
DATA_SITE_KINDS = (SiteKind.ON_INPUTS, SiteKind.ON_FETCHED)


@dataclass(frozen=True, kw_only=True)
class SiteArguments:
    """Arguments of a remedy that edits one recorded call or statement."""

    kind: str  # kind of the recorded call or statement
    place: str  # key of this call or statement in the record of the run
    is_judged_by_error: bool = False  # whether the evaluation metric measures the error of predictions
    is_judged_by_likelihood: bool = False  # whether the evaluation metric may be a likelihood of the targets


def suspected_site(script: Script, record: Record, arguments: SiteArguments) -> Site:
    """Return the recorded place that a remedy edits. Raise NotApplicable if that would change the script's metric."""
    site = record.site(SiteKind(arguments.kind), arguments.place)
    if site is None:
        raise NotApplicable("the run did not show where the suspected code is in the source")
    if is_inserted_by_edit(script, site):
        raise NotApplicable(f"line {site.line} was inserted by an earlier edit, so it cannot be the cause")
    is_loss_like = arguments.is_judged_by_error or arguments.is_judged_by_likelihood
    may_be_shared = arguments.kind in DATA_SITE_KINDS or arguments.kind in LOSS_SITE_KINDS and is_loss_like
    is_shared = may_be_shared and is_shared_with_metric(script, record, site)
    if is_shared or arguments.is_judged_by_likelihood and is_in_network(script, site):
        raise NotApplicable(f"line {site.line} also computes the script's evaluation metric")
    return site


def is_inserted_by_edit(script: Script, site: Site) -> bool:
    """Return whether an earlier edit inserted the line of a recorded place, so that the user did not write it."""
    file = Path(site.file)
    if file not in script.examined:
        return False
    return site.line in inserted_lines(script.unedited_text(file), script.examined_text(file))


def locate_any_kind(script: Script, site: Site, kinds: Sequence[type[Node]]) -> tuple[Syntax, Node] | None:
    """Return the file and the node at a recorded place, of the first type in `kinds` that is found there; else None."""
    located = (if_applicable(locate_node, script, site, kind) for kind in kinds)
    return next((found for found in located if found is not None), None)
