"""Keep the path from the loss to the parameters on the autograd graph: remove `detach()` and other cuts."""

import re
from collections.abc import Sequence

import libcst as cst

from descend.doctor.codemod.activations import activation_input
from descend.doctor.codemod.all_sites import edit_all_sites
from descend.doctor.codemod.backward_pass import differentiated_loss
from descend.doctor.codemod.graph_detachment import attach_to_graph, find_detachments, is_attached
from descend.doctor.codemod.locate import Place, locate, locate_site
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.unwrap_call import unwrap_call
from descend.doctor.record import Record, Site, SiteKind
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script

MOST = 12  # largest number of graph cuts, such as `detach()`, that are removed


def attach(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Replace each recorded `x.detach()` by `x`. Without a record, remove other calls that cut the autograd graph."""
    seen = [site for site in record.sites if site.kind == SiteKind.DETACH]
    return (
        edit_all_sites(_without_inner_cuts(script, seen), seen, _without_detach)
        if seen
        else _without_cuts_before_loss(script, record)
    )


def _without_inner_cuts(script: Script, seen: Sequence[Site]) -> Script:
    """Return the script without graph cuts inside detached values, so that `x.data.detach()` becomes `x.detach()`."""
    for site in seen:
        for _ in range(MOST):
            place = if_applicable(locate_site, script, site)
            value = activation_input(place.syntax, place.call) if place is not None else None
            if place is None or value is None or is_attached(place.syntax, value):
                break
            places = [if_applicable(locate_site, script, each) for each in seen]
            own = [each.call for each in places if each is not None]
            found = [cut for cut in find_detachments(place.syntax, value) if cut not in own]
            if not found:
                break
            script = script.edit(place.syntax.file, attach_to_graph(place.syntax, found[0]))
    return script


def _without_cuts_before_loss(script: Script, record: Record) -> Script:
    """Return the script without the calls that disconnect the loss from the autograd graph."""
    edited, was_joined = script, False
    for number in range(MOST):
        place = locate(edited, record, SiteKind.BACKWARD)
        loss = differentiated_loss(place.syntax, place.call)
        found = find_detachments(place.syntax, loss) if loss is not None else []
        now = loss is not None and is_attached(place.syntax, loss)
        was_joined = now if number == 0 else was_joined
        # If the removed calls have attached the loss to the graph, other detached values stay detached. Only statements
        # such as `torch.set_grad_enabled(False)` are still removed.
        if now and not was_joined:
            found = [cut for cut in found if isinstance(cut, cst.Assign | cst.Expr)]
        if not found:
            break
        edited = edited.edit(place.syntax.file, attach_to_graph(place.syntax, found[0]))
    if edited is script:
        raise NotApplicable("no operation was found in the source that disconnects the loss from the autograd graph")
    return edited


def _without_detach(place: Place) -> str:
    """Return the file's source with the recorded `x.detach()` replaced by `x`."""
    if not is_call_of(place.syntax, place.call, "detach"):
        raise NotApplicable(place.indirect_call_message)
    value = activation_input(place.syntax, place.call)
    if value is None:
        raise NotApplicable(f"line {place.syntax.line(place.call)} does not show what is detached")
    return _detach_before_numpy(place, unwrap_call(place.syntax, place.call, value))


def _detach_before_numpy(place: Place, text: str) -> str:
    """Write `f(x).detach().numpy()` for `f(x).numpy()`, which fails if f no longer detaches its result."""
    functions = [outer for outer in place.syntax.ancestors(place.call) if isinstance(outer, cst.FunctionDef)]
    if not functions:
        return text
    called = rf"(\b{re.escape(functions[0].name.value)}\([^()]*\))\.(numpy|tolist)\("
    return re.sub(called, r"\1.detach().\2(", text)
