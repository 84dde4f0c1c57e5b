"""Prescriptions: the remedies that one problem gets, with their values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from descend.doctor.assess.evaluation_metric import JudgedOn
from descend.doctor.record import SiteKey, SiteKind
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.traits import EditTraits
from descend.doctor.script.script import Script

Key = tuple[str, str, str, JudgedOn]
SETS_LEARNING_RATE = frozenset({"adaptive_rule", "learning_rate", "one_rate"})  # ids of remedies


@dataclass(frozen=True)
class Change:
    """One remedy, the values of its arguments, and the function that edits the script with them."""

    remedy: str  # id of the remedy: learning_rate, standardise_inputs, feed_logits, ...
    edit: Callable[[Script], Script]
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Prescription(EditTraits):
    """One or more remedies that the catalog prescribes for a symptom; they are applied to the script in order."""

    symptom: str  # id of the symptom for which the remedies are prescribed
    changes: tuple[Change, ...]
    label: str  # description for the user, such as "Learning rate 0.5 → 0.09"
    times: int = 1  # number of the trial's steps divided by the baseline's; above 1, the trial trains longer
    of_fact: bool = False  # whether the symptom is certain, so that no trial has to confirm it
    flatters: bool = False  # whether the symptom may make the loss look lower than it should
    of_search: bool = False  # whether the edit comes from a general search and not from a named problem
    optimizer: str = ""  # which of the script's optimizers the edit changes, counted from "0"
    smaller_batch: float = 1.0  # old batch size / new batch size, by which the number of steps is multiplied
    may_memorise: bool = False  # whether the inputs seem unrelated to the targets, so a gain may be memorisation
    remakes: frozenset[Remade] = frozenset()  # parts of the task that the edit may change; all others must stay equal
    # kind and key of the edited place in the source, if the remedy is tried at several places
    at: SiteKey | None = None
    tunes: bool = True  # whether a successful trial is repeated at larger learning rates
    # function that multiplies the learning rate by a factor and returns the new prescription
    at_rate: Callable[[float], "Prescription"] | None = None
    # function that returns the prescription with Adam; it gets a factor of Adam's usual learning rate
    with_adam: Callable[[float], "Prescription"] | None = None

    @property
    def remedies(self) -> tuple[str, ...]:
        """The ids of the remedies, in the order in which they are applied."""
        return tuple(change.remedy for change in self.changes)

    def apply(self, script: Script) -> Script:
        """Return the script with all edits of the prescription. Raise NotApplicable if one of them cannot be made."""
        for change in self.changes:
            script = change.edit(script)
        return script

    def steps(self, unchanged: int) -> int:
        """Return the number of optimizer steps of the trial, if the unchanged script makes `unchanged` steps.

        A trial ends with its last step. With one more, it runs to the end of the script.
        """
        return max(1, round(self.times * self.smaller_batch * unchanged)) + self.acts_at_end

    @property
    def same_batches(self) -> bool:
        """Whether each step of the trial uses the same examples as the same step of the baseline run."""
        return self.smaller_batch == 1 and not self.restart and not self.redraws

    @property
    def edits_preparation(self) -> bool:
        """Whether the remedy edits a statement that prepares the data before training."""
        return self.at is not None and self.at[0] == SiteKind.PREPARED

    @property
    def key(self) -> Key:
        """The values that identify the prescription: symptom, label, optimizer and the examples of the evaluation."""
        return self.symptom, self.label, self.optimizer, self.judged_on
