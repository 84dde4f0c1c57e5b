"""Draw all examples equally often: `DataLoader(data, shuffle=True)` without the sampler that leaves examples out."""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.arguments import find_argument
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record, SiteKind
from descend.doctor.record.facts import Remade
from descend.doctor.script.script import Script

SAMPLER = 3  # position of the argument `sampler` of a DataLoader
REMAKES: frozenset[Remade] = frozenset({"inputs", "pairs"})  # Other examples are drawn.


@dataclass(frozen=True)
class UniformSamplerArguments:
    """Arguments of the remedy `uniform_sampler`."""

    loader: str  # index of the data loader in the script, as a string: "0" for the first


def uniform_sampler(script: Script, record: Record, arguments: UniformSamplerArguments) -> Script:
    """Replace the sampler of a data loader by `shuffle=True`."""
    place = locate(script, record, SiteKind.LOADER, arguments.loader)
    sampler = find_argument(place.call, "sampler", SAMPLER)
    if sampler is None or sampler.keyword is None:
        raise NotApplicable(f"the data loader in line {place.syntax.line(place.call)} has no argument sampler=…")
    if find_argument(place.call, "shuffle", None) is not None:
        raise NotApplicable(
            f"the data loader in line {place.syntax.line(place.call)} already has an argument shuffle=…"
        )
    shuffled = sampler.with_changes(keyword=cst.Name("shuffle"), value=cst.Name("True"))
    return script.edit(place.syntax.file, place.syntax.replace(sampler, shuffled))
