"""What comes from the observed script: of its texts none goes further as it came."""

from dataclasses import replace

from descend.doctor.record.reading import Effect, Ending, Message, Note
from descend.doctor.redaction import clean
from descend.ground.control_characters import escaped


def arrived(message: Message) -> Message:
    """Return a message whose free text has no secrets and no control characters.

    Names and places in the source stay: remedies look for them there; they are cleaned where they are kept or shown.
    """
    match message:
        case Ending(error=error) if error:
            return replace(message, error=_cleaned(error))
        case Note(reason=reason):
            return replace(message, reason=_cleaned(reason))
        case Effect(target=target):
            return replace(message, target=_cleaned(target))
    return message


def _cleaned(text: str) -> str:
    return escaped(clean(text))
