"""Replace the output activation by the one that the loss expects."""

from dataclasses import dataclass
from functools import partial

import libcst as cst

from descend.core.operations import Trait, having
from descend.doctor.codemod.activations import (
    MODULE_CLASSES,
    activation_input,
    canonical_activation,
    construct_activation,
    is_class_name,
    replace_activation,
)
from descend.doctor.codemod.all_sites import edit_all_sites
from descend.doctor.codemod.arguments import keyword_argument, literal_expression
from descend.doctor.codemod.imports import import_torch_if_called
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

ALONG_A_DIMENSION = having(Trait.SOFTMAX)  # take `dim`
CLASSES = 1  # dimension of the classes in a batch of outputs, by default


@dataclass(frozen=True)
class OutputActivationArguments:
    """Arguments of the remedy `output_activation`, which replaces the activation at the output."""

    activation: str
    dim: int = CLASSES


def output_activation(script: Script, record: Record, arguments: OutputActivationArguments) -> Script:
    """Replace the output activation by the given one. A softmax is taken over the dimension `dim` of the arguments."""
    seen = record.every_site(SiteKind.ACTIVATION, "output")
    if not seen:
        raise NotApplicable("the run did not show where the output activation is in the source")
    if arguments.activation not in MODULE_CLASSES:
        raise NotApplicable(f"`{arguments.activation}` is not a known activation")
    return edit_all_sites(script, seen, partial(_with_activation, arguments=arguments))


def _with_activation(place: Place, arguments: OutputActivationArguments) -> str:
    """Return the source of a file with the recorded output activation replaced."""
    syntax, call, name = place.syntax, place.call, place.site.detail
    if not is_call_of(syntax, call, name):
        raise NotApplicable(place.indirect_call_message)
    if canonical_activation(name) == arguments.activation:
        line = place.syntax.line(place.call)
        raise NotApplicable(f"the output activation in line {line} is already {name}")
    given = _further_arguments(place, arguments)
    if is_class_name(name):
        text = syntax.replace(call, construct_activation(call, arguments.activation, given))
    else:
        change = replace_activation(syntax, call, arguments.activation, given)
        if change is None:
            raise NotApplicable(f"line {syntax.line(call)} does not contain the input of {name}")
        text = syntax.rewrite({call: change})
    return import_torch_if_called(syntax, text)


def _further_arguments(place: Place, arguments: OutputActivationArguments) -> list[cst.Arg]:
    """Return the arguments of the new activation without its input, such as `dim=1` of a softmax."""
    if arguments.activation not in ALONG_A_DIMENSION:
        return []
    if canonical_activation(place.site.detail) not in ALONG_A_DIMENSION:
        return [keyword_argument("dim", literal_expression(arguments.dim))]
    is_made = is_class_name(place.site.detail)
    inputs = None if is_made else activation_input(place.syntax, place.call)
    return [argument for argument in place.call.args if argument.value is not inputs]
