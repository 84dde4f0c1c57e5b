"""Take a softmax, or its logarithm, along another dimension."""

from dataclasses import dataclass
from functools import partial

from descend.doctor.codemod.activations import activation_input, is_class_name
from descend.doctor.codemod.all_sites import edit_all_sites
from descend.doctor.codemod.arguments import keyword_argument, literal_expression, with_arguments
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record, SiteKey
from descend.doctor.script.script import Script


@dataclass(frozen=True)
class SoftmaxDimensionArguments:
    """Arguments of the remedy `softmax_dimension`, which sets the dimension `dim` of a softmax."""

    site: SiteKey  # kind and key of the recorded calls of softmax
    dim: int


def softmax_dimension(script: Script, record: Record, arguments: SoftmaxDimensionArguments) -> Script:
    """Set the dimension over which the recorded calls of softmax, or of its logarithm, sum to 1."""
    seen = record.every_site(*arguments.site)
    if not seen:
        raise NotApplicable("the run did not show where the softmax is in the source")
    return edit_all_sites(script, seen, partial(_with_dimension, dim=arguments.dim))


def _with_dimension(place: Place, dim: int) -> str:
    """Return the file's source with `dim` of the softmax set to the given dimension."""
    syntax, call, name = place.syntax, place.call, place.site.detail
    if not is_call_of(syntax, call, name):
        raise NotApplicable(place.indirect_call_message)
    inputs = None if is_class_name(name) else activation_input(syntax, call)
    given = [a for a in call.args if a.value is not inputs and (a.keyword is None or a.keyword.value == "dim")]
    if not given:
        return syntax.replace(
            call, with_arguments(call, [*call.args, keyword_argument("dim", literal_expression(dim))])
        )
    if syntax.code(given[0].value) == str(dim):
        raise NotApplicable(f"the {name} in line {syntax.line(call)} already has dim={dim}")
    return syntax.replace(given[0].value, literal_expression(dim))
