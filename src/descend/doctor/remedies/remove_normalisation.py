"""Remove a normalisation over a single entry, whose output is constant."""

from dataclasses import dataclass

from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.remove_call import remove_call
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script


@dataclass(frozen=True)
class RemoveNormalisationArguments:
    """Arguments of the remedy `remove_normalisation`, which removes one normalisation layer or call."""

    place: str  # key of the recorded place in the source


def remove_normalisation(script: Script, record: Record, arguments: RemoveNormalisationArguments) -> Script:
    """Remove the recorded normalisation that is taken over a single value, so that its output is constant."""
    place = locate(script, record, SiteKind.LONE_ENTRY, arguments.place)
    text = remove_call(place)
    return script.edit(place.syntax.file, text)
