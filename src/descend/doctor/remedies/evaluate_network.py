"""Evaluate the trained network instead of a copy that does not follow it.

accuracy = evaluate(average, test)       # evaluate(model, test)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.script.script import Script


@dataclass(frozen=True)
class EvaluateNetworkArguments:
    """Arguments of the remedy `evaluate_network`."""

    places: Sequence[str]  # keys of the recorded calls of the copy


def evaluate_network(script: Script, record: Record, arguments: EvaluateNetworkArguments) -> Script:
    """Replace the copy by the trained network in each recorded call."""
    for key in arguments.places:
        place, found = locate(script, record, SiteKind.EVALUATED_COPY, key), record.fact(facts.EvaluatedCopy, key)
        syntax, line = place.syntax, place.syntax.line(place.call)
        if found is None or not found.copy or not found.network:
            raise NotApplicable(f"line {line} has no variable for the trained network")
        names = [*syntax.every(cst.Name, place.call), *syntax.every(cst.Attribute, place.call)]
        used = next((node for node in names if syntax.code(node) == found.copy), None)
        if used is None:
            raise NotApplicable(f"line {line} does not name `{found.copy}`")
        script = script.edit(syntax.file, syntax.replace(used, cst.parse_expression(found.network)))
    return script
