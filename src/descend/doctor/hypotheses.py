"""Hypotheses: what may be wrong with a run, and the remedies to try. Known problems first, then the searches."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from descend.doctor.assess.symptom import Symptom, unexplained_symptoms
from descend.doctor.catalog import SEARCHES
from descend.doctor.catalog.diagnosis import diagnose, general_symptoms
from descend.doctor.catalog.prescribe import first_applicable, interleave, prescribe
from descend.doctor.record import Record
from descend.doctor.remedies import Prescription
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.prove import Prescribe


@dataclass(frozen=True)
class Hypotheses:
    """The problems that a run may have, and the remedies to try for them, in stages."""

    script: Script
    plan: Plan
    record: Record
    _searched: list[list[Prescription]] = field(default_factory=list, init=False)

    @cached_property
    def known_problems(self) -> list[Symptom]:
        """The catalog's problems that were detected in the run, certain or suspected."""
        return diagnose(self.record, select=self.plan.select, ignore=self.plan.ignore)

    @cached_property
    def unexplained_symptoms(self) -> list[Symptom]:
        """Symptoms that no certain problem explains, if they are certain or an edit can be tried for them."""
        return [
            symptom
            for symptom in self._all_unexplained_symptoms
            if symptom.certain or self._edits_by_symptom[symptom.id]
        ]

    @property
    def symptoms(self) -> list[Symptom]:
        """All symptoms of the run: the known problems, then those without a known cause."""
        return [*self.known_problems, *self.unexplained_symptoms]

    @property
    def stages(self) -> list[Prescribe]:
        """The stages of trials: functions that take the ids of problems ruled out so far and return remedies to try.

        A stage is used only if all earlier stages failed.
        """
        searches = [partial(self._remedies_and_edits, number) for number in range(1, len(SEARCHES) + 1)]
        return [self._remedies_to_try, *(searches if self.unexplained_symptoms else [])]

    @cached_property
    def _all_unexplained_symptoms(self) -> list[Symptom]:
        """All symptoms that name no cause and are not a consequence of a certain problem."""
        explained = {consequence for s in self.known_problems if s.certain for consequence in s.explains}
        found = general_symptoms(self.record, select=self.plan.select, ignore=self.plan.ignore)
        return [symptom for symptom in found if symptom.id not in explained]

    @cached_property
    def _edits_by_symptom(self) -> dict[str, list[Prescription]]:
        """The edits to try for each symptom without a known cause, by the symptom's id."""
        return {
            symptom.id: prescribe(self.record, [symptom], self.known_problems)
            for symptom in self._all_unexplained_symptoms
        }

    def _remedies_to_try(self, rejected: frozenset[str], further: Sequence[Prescription] = ()) -> list[Prescription]:
        """Return the remedies of the known problems that are not in `rejected` (ruled out), then those in `further`."""
        found = prescribe(
            self.record, unexplained_symptoms([s for s in self.known_problems if s.certain or s.id not in rejected])
        )
        known = {p.key for p in found}
        return [p for p in found if p.judged_on != "time"] + [p for p in further if p.key not in known]

    def _remedies_and_edits(self, number: int, rejected: frozenset[str]) -> list[Prescription]:
        """Return the remedies of the known problems, then the edits that the first `number` general searches try.

        The edits of a search are made when the method is first called for this search.
        """
        for search in SEARCHES[len(self._searched) : number]:
            ranked = interleave(
                [self._edits_by_symptom[s.id] for s in self.unexplained_symptoms if s.id in search], self.record
            )
            self._searched.append(first_applicable(ranked, self.script, self.plan.trials))
        return self._remedies_to_try(rejected, [edit for edits in self._searched[:number] for edit in edits])
