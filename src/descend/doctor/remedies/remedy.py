"""What a remedy is: `x(script, record, dose) -> Script | NotApplicable`, one dosed edit of the source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from descend.doctor.course.yardstick import JudgedOn
from descend.doctor.record import Record
from descend.doctor.record.facts import Remade
from descend.doctor.script.script import Script
from descend.doctor.source.not_applicable import NotApplicable

Remedy = Callable[[Script, Record, dict[str, Any]], Script | NotApplicable]


Key = tuple[str, str, str, JudgedOn]
SETS_LEARNING_RATE = frozenset({"adaptive_rule", "learning_rate", "one_rate"})  # ids of remedies


@dataclass(frozen=True)
class Change:
    """One remedy with its dose."""

    remedy: str  # id: learning_rate, standardise_inputs, feed_logits, ...
    edit: Callable[[Script], Script | NotApplicable]
    dose: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Prescription:
    """One change, or several one after another, prescribed for one symptom."""

    symptom: str  # id of the symptom it is for
    changes: tuple[Change, ...]
    label: str  # the change in a user's words: "learning rate 0.5 → 0.09"
    cost: int = 1  # how invasive the change is: a literal 1, an inserted statement 2, another rule 3
    decides: bool = True  # whether its rerun settles that the symptom is the cause
    times: int = 1  # how many times the unchanged script's steps it needs: more than one is no remedy at equal budget
    judged_on: JudgedOn = "fixed"
    of_fact: bool = False  # whether what it is for is a fact, and no suspicion
    flatters: bool = False  # whether what it is for may make the cost lower than it honestly is
    of_search: bool = False  # whether what it is for has no name of its own
    optimizer: str = ""  # whose steps it changes
    smaller_batch: float = 1.0  # by how many times: as many times the steps see the same examples
    may_memorise: bool = False  # whether the inputs seem to say nothing of the targets, and it gives them no way to
    restart: bool = False  # whether it is another start: on every seed it has to do better than the script as it ran
    redraws: bool = False  # whether what is drawn after it is drawn otherwise, the order of the batches among it
    gives_up: bool = False  # whether it takes out what the author wants, be it that it does harm as it stands
    adds_parameters: bool = False  # whether it leaves the network freer to fit noise, too
    remakes: frozenset[Remade] = frozenset()  # what it makes otherwise by design: the rest of the task stays the same
    much: bool = False  # whether it must take off half to be worth a finding
    at: tuple[str, str] | None = None  # kind and key of the site that it edits, where several are tried
    tunes: bool = True  # whether it is tried at larger learning rates where it helps
    at_rate: Callable[[float], "Prescription"] | None = None  # the same at so many times the learning rate it leaves
    with_adam: Callable[[float], "Prescription"] | None = None  # the same and Adam, at so many times its usual rate

    @property
    def remedies(self) -> tuple[str, ...]:
        """The ids of the remedies, in the order in which they are applied."""
        return tuple(change.remedy for change in self.changes)

    def apply(self, script: Script) -> Script | NotApplicable:
        """Return the script with all of it, or why one of the changes cannot be made."""
        for change in self.changes:
            edited = change.edit(script)
            if isinstance(edited, NotApplicable):
                return edited
            script = edited
        return script

    def steps(self, unchanged: int) -> int:
        """Return how many steps it takes where the unchanged script takes so many."""
        return max(1, round(self.times * self.smaller_batch * unchanged))

    @property
    def same_batches(self) -> bool:
        """Whether each of its steps sees the examples that the unchanged script's sees."""
        return self.smaller_batch == 1 and not self.restart and not self.redraws

    @property
    def key(self) -> Key:
        """What tells it from other prescriptions. Two of them may edit the source alike: then they share one trial."""
        return self.symptom, self.label, self.optimizer, self.judged_on
