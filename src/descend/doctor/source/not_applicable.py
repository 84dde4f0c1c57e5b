"""Why an edit cannot be made."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NotApplicable:
    """Why a remedy cannot be written into this script."""

    reason: str
