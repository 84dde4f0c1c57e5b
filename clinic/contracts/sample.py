"""Which programs with a broken contract are in the exam: for each operator the first sites of different hosts."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from mutations.catalogue import mutants, unseen
from mutations.mutant import Operator
from mutations.sample import Subject, order
from mutations.script import Script

from contracts import THEMES, of_half, programs, theme

HALVES = ("visible", "held_out")
CANDIDATES = 3  # programs of each operator, of different hosts, that are tried for harm


def candidates(half: str) -> Iterator[Subject]:
    """Yield the programs of a half whose harm is measured, in the order that hashes of their names give."""
    hosts = [Script(path) for path in [*unseen(), *programs("hosts")]]
    for name in THEMES:
        operators = theme(name).OPERATORS
        chosen = of_half((operator.name for operator in operators), half)
        for operator in operators:
            if operator.name in chosen:
                named = replace(operator, name=f"{name}/{operator.name}")  # Two themes have an operator of one name.
                found = [first for host in hosts if (first := _first_site(host, name, named))]
                yield from islice(sorted(found, key=lambda subject: order(subject.id)), CANDIDATES)


def _first_site(host: Script, family: str, operator: Operator) -> Subject | None:
    found = sorted(mutants(host, {family: (operator,)}), key=lambda mutant: order(mutant.id))
    return Subject("contracts", (found[0],)) if found else None
