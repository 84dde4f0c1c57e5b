"""The whole of one consultation: what was measured, what is wrong, what was tried, what is to be done."""

from dataclasses import dataclass

from descend.record import Record
from descend.symptoms.symptom import Symptom
from descend.trials.trial import Trial


@dataclass(frozen=True)
class Case:
    """A record, the findings in it (worst first), the trials of their remedies, and the patch that won."""

    record: Record
    findings: tuple[Symptom, ...]
    suspicions: tuple[Symptom, ...] = ()  # not confirmed by any trial
    trials: tuple[Trial, ...] = ()
    cure: Trial | None = None  # the cheapest trial that was proved
    verified: str = ""  # what plain python made of the patch; "" when there is none
    bare_s: float = 0.0  # the observed window without its probes, start-up included
    total_s: float = 0.0  # the whole consultation

    @property
    def status(self) -> str:
        """`script_failed`, `findings` or `healthy`."""
        if self.record.ending and self.record.ending.reason == "failed":
            return "script_failed"
        return "findings" if self.findings else "healthy"

    @property
    def patch(self) -> str | None:
        """The cure as a unified diff."""
        return self.cure.script.diff() if self.cure and self.cure.script else None
