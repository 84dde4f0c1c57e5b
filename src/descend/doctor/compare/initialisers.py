"""Initialisations of the weights that can be compared: those of He and of Glorot."""

from difflib import get_close_matches

from descend.core.control_characters import shortened
from descend.core.errors import UsageError
from descend.doctor.codemod.not_applicable import if_applicable
from descend.doctor.record import Record
from descend.doctor.remedies.arguments import ActivationArguments
from descend.doctor.remedies.initialise_in_place import initialise_in_place
from descend.doctor.remedies.reinitialise import reinitialise
from descend.doctor.script.script import Script

INITIALISERS = {"He": "relu", "Glorot": "linear"}  # name -> the activation for which the remedies choose it
OTHER_NAMES = {"kaiming": "He", "kaiming_normal": "He", "xavier": "Glorot", "xavier_uniform": "Glorot"}


def find_initialiser(name: str) -> str:
    """Return the name of an initialisation as it is in `INITIALISERS`. Raises `UsageError` if there is no such one."""
    known = {**{initialiser.lower(): initialiser for initialiser in INITIALISERS}, **OTHER_NAMES}
    text = name.strip().lower()
    if text in known:
        return known[text]
    close = [known[match] for match in get_close_matches(text, known, 1)]
    hint = f"did you mean {close[0]}?" if close else f"the initialisers are {', '.join(INITIALISERS)}"
    raise UsageError(f"there is no initialiser {shortened(name)}; {hint}")


def set_initialiser(script: Script, record: Record, key: str, name: str) -> Script:
    """Return the script with another initialisation, which replaces its own one or is inserted after it."""
    arguments = ActivationArguments(INITIALISERS[name], key)
    edited = if_applicable(initialise_in_place, script, record, arguments)
    return edited if edited is not None else reinitialise(script, record, arguments)
