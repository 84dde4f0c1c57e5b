"""Find a loop that should average the trained network into a copy, but reads or changes the wrong one of them.

for mean, new in zip(copy.parameters(), copy.parameters()):      # the second one should be net.parameters()
    mean.lerp_(new, 0.01)
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.functions import bind_arguments, calls_to, function_around, parameter_names
from descend.doctor.codemod.locate import site_of_node, training_file
from descend.doctor.codemod.parameter_averaging import averaged_network_index
from descend.doctor.codemod.syntax import Syntax
from descend.doctor.record import Message, Record, SiteKind, facts
from descend.doctor.script.script import Script


@dataclass(frozen=True, eq=False)
class WrongAverage:
    """A call of ``zip`` over the parameters of two networks, and the call that averages the right one."""

    syntax: Syntax
    call: cst.Call
    right: cst.Call


def average_updates(script: Script, record: Record) -> list[Message]:
    """Return the place of an update that does not average the trained network into the evaluated copy, or []."""
    known, found = training_file(script, record), find_wrong_average(script, record)
    if known is None or found is None:
        return []
    return [site_of_node(found.syntax, found.call, SiteKind.AVERAGE_UPDATE, "0", known[1].file)]


def find_wrong_average(script: Script, record: Record) -> WrongAverage | None:
    """Return the first update that averages a copy into itself, or into the trained network; None without one."""
    known, copies = training_file(script, record), record.every(facts.EvaluatedCopy).values()
    if known is None or not copies:
        return None
    syntax = known[0]
    for loop in syntax.every(cst.For):
        index = averaged_network_index(syntax, loop)
        if index is None or not isinstance(loop.iter, cst.Call):
            continue
        networks = [syntax.code(argument.value.func.value) for argument in loop.iter.args]  # type: ignore[attr-defined]
        trained = [name for copy in copies for name in _names_in_scope(syntax, copy.network, loop)]
        changed, read = networks[index], networks[1 - index]
        if changed == read and trained and changed not in trained:
            networks[1 - index] = trained[0]
        elif changed in trained and read not in trained:
            networks.reverse()
        else:
            continue
        arguments = [a.with_changes(value=_parameters_of(network)) for a, network in zip(loop.iter.args, networks)]
        return WrongAverage(syntax, loop.iter, loop.iter.with_changes(args=arguments))
    return None


def _names_in_scope(syntax: Syntax, network: str, loop: cst.For) -> list[str]:
    """Return the names of a network, the variable `network` at its evaluation, in the function that contains a loop."""
    function = function_around(syntax, loop)
    if function is None or not network:
        return [network] if network else []
    given = [arguments for call in calls_to(syntax, function) for arguments in bind_arguments(function, call).items()]
    passed = [parameter for parameter, value in given if syntax.code(value) == network]
    return passed or [network] * (network not in parameter_names(function))


def _parameters_of(network: str) -> cst.BaseExpression:
    """Return the expression for a network's parameters."""
    return cst.parse_expression(f"{network}.parameters()")
