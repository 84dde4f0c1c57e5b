"""Keep the graph of derivatives, so that a loss term made of derivatives is trained."""

from descend.doctor.codemod.argument_edits import Setting, apply_edits, set_argument
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script

CREATE_GRAPH = Setting("create_graph", 4, "create_graph=True")


def create_graph(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Set `create_graph=True` in the call of `torch.autograd.grad` whose result the loss depends on."""
    place = locate(script, record, SiteKind.DERIVATIVE)
    if not is_call_of(place.syntax, place.call, "grad"):
        raise NotApplicable(place.indirect_call_message)
    edit = set_argument(place, CREATE_GRAPH, True, script, record)
    return apply_edits(script, place.syntax, [edit], CREATE_GRAPH.words)
