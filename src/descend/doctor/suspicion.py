"""What is, or may be, wrong with a run, and what may help: what has a name first, then the searches one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from descend.doctor.canon import SEARCHES
from descend.doctor.canon.diagnosis import diagnose, general
from descend.doctor.canon.prescribe import in_turn, possible, prescribe
from descend.doctor.record import Record
from descend.doctor.remedies import Prescription
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.symptoms import Symptom, causes
from descend.doctor.trials.prove import Prescribe


@dataclass(frozen=True)
class Suspicion:
    """What is suspected of one run."""

    script: Script
    plan: Plan
    record: Record
    _searched: list[list[Prescription]] = field(default_factory=list, init=False)

    @cached_property
    def named(self) -> list[Symptom]:
        """What is wrong and has a name of its own."""
        return diagnose(self.record, select=self.plan.select, ignore=self.plan.ignore)

    @cached_property
    def general(self) -> list[Symptom]:
        """What may be wrong where that does not explain the run; of what none can decide nothing is said."""
        return [symptom for symptom in self._unexplained if symptom.certain or self._edits[symptom.id]]

    @property
    def symptoms(self) -> list[Symptom]:
        """All that is suspected."""
        return [*self.named, *self.general]

    @property
    def stages(self) -> list[Prescribe]:
        """What may help, of what is not refuted; each stage is asked where none of the one before has won."""
        searches = [partial(self._search, number) for number in range(1, len(SEARCHES) + 1)]
        return [self._may_help, *(searches if self.general else [])]

    @cached_property
    def _unexplained(self) -> list[Symptom]:
        explained = {consequence for s in self.named if s.certain for consequence in s.explains}
        found = general(self.record, select=self.plan.select, ignore=self.plan.ignore)
        return [symptom for symptom in found if symptom.id not in explained]

    @cached_property
    def _edits(self) -> dict[str, list[Prescription]]:
        return {symptom.id: prescribe(self.record, [symptom], self.named) for symptom in self._unexplained}

    def _may_help(self, refuted: frozenset[str], beside: Sequence[Prescription] = ()) -> list[Prescription]:
        asked = prescribe(self.record, causes([s for s in self.named if s.certain or s.id not in refuted]))
        known = {p.key for p in asked}
        return [p for p in asked if p.judged_on != "time"] + [p for p in beside if p.key not in known]

    def _search(self, number: int, refuted: frozenset[str]) -> list[Prescription]:
        """Return the edits of the first so many searches, too; none is made before one is asked for."""
        for search in SEARCHES[len(self._searched) : number]:
            ranked = in_turn([self._edits[s.id] for s in self.general if s.id in search], self.record)
            self._searched.append(possible(ranked, self.script, self.plan.trials))
        return self._may_help(refuted, [edit for edits in self._searched[:number] for edit in edits])
