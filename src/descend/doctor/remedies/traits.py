"""What a trial must know about an edit. A catalog entry states it, and each prescription of the entry repeats it."""

from dataclasses import dataclass, fields
from typing import Any

from descend.doctor.assess.evaluation_metric import JudgedOn


@dataclass(frozen=True, kw_only=True)
class EditTraits:
    """Properties of an edit that decide how it is tried and how its trial is judged."""

    cost: int = (
        2  # how invasive the edit is: 1 changes a number, 2 adds or removes a statement, 3 changes the optimizer
    )
    decides: bool = True  # whether the trial of the edit can confirm or refute a suspicion
    # whether the edit treats the suspected cause, but helps runs without it, too: its trial neither confirms nor
    # rejects a suspicion
    neutral: bool = False
    judged_on: JudgedOn = "fixed"  # name of the examples on which the evaluation metric is computed
    adds_parameters: bool = False  # whether the edit gives the model more parameters, with which it can also fit noise
    much: bool = False  # whether the trial must halve the loss to succeed, because no cause is known
    restart: bool = False  # whether only the initial weights change; the trial must then win on every seed
    redraws: bool = False  # whether the edit changes the random numbers drawn afterwards, such as the order of batches
    acts_at_end: bool = False  # whether the edit acts after the last step, so that a trial runs to the script's end
    gives_up: bool = False  # whether the edit removes something that the author may want, such as a regulariser

    @property
    def can_confirm(self) -> bool:
        """Whether the success of the edit confirms the suspicion for which it is prescribed."""
        return self.decides and not self.neutral

    def traits(self) -> dict[str, Any]:
        """Return these properties by name, without those that a subclass adds."""
        return {trait.name: getattr(self, trait.name) for trait in fields(EditTraits)}
