"""The verdict on a claim from the answers in its conditions, and on a gallery of claims with one error rate.

Holm 1979, "A simple sequentially rejective multiple test procedure", §3: the smallest p-value of m is compared with
the level divided by m, the next one with the level divided by m − 1, and so on until one is not small enough.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from descend.claims.claim import Claim
from descend.claims.estimate import Answer, Estimate
from descend.doctor.trials.statistics import LOOK

NOT_MEASURED = "not measured yet"


class Verdict(StrEnum):
    """What the measurements say about a claim."""

    HOLDS = "holds"
    PARTLY = "holds only if"
    FAILS = "does not hold here"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Judged:
    """A claim with its figures, one for each condition that was measured, and the verdict."""

    claim: Claim
    estimates: Mapping[str, Estimate]

    def conditions(self, answer: Answer) -> list[str]:
        """Return the conditions with this answer."""
        return [condition for condition, found in self.estimates.items() if found.answer == answer]

    @property
    def verdict(self) -> Verdict:
        """The verdict on the claim."""
        holds, fails = self.conditions(Answer.HOLDS), self.conditions(Answer.FAILS)
        everywhere = len(holds) == len(self.claim.conditions)
        if everywhere or holds and self.claim.holds_for == "some":
            return Verdict.HOLDS
        if len(fails) == len(self.claim.conditions) or fails and not holds and self.claim.holds_for == "all":
            return Verdict.FAILS
        return Verdict.PARTLY if holds and fails else Verdict.UNDECIDED

    @property
    def message(self) -> str:
        """The verdict as a phrase that names the conditions."""
        if not self.estimates:
            return NOT_MEASURED
        names = {answer: ", ".join(self.conditions(answer)) for answer in Answer}
        rest = [f"{answer} for {names[answer]}" for answer in (Answer.FAILS, Answer.UNDECIDED) if names[answer]]
        if self.verdict == Verdict.PARTLY:
            return f"holds only for {names[Answer.HOLDS]}; {'; '.join(rest)}"
        if self.verdict == Verdict.UNDECIDED and names[Answer.HOLDS]:
            return f"undecided: holds for {names[Answer.HOLDS]}; {'; '.join(rest)}"
        if self.verdict == Verdict.HOLDS and rest:
            return f"holds for {names[Answer.HOLDS]}; {'; '.join(rest)}"
        if self.verdict == Verdict.FAILS and names[Answer.UNDECIDED]:
            return f"does not hold for {names[Answer.FAILS]}; undecided for {names[Answer.UNDECIDED]}"
        return str(self.verdict)

    @property
    def more_seeds(self) -> int | None:
        """How many further seeds would probably decide all conditions; None if decided or unknown."""
        open_ones = [found.more_seeds for found in self.estimates.values() if found.answer == Answer.UNDECIDED]
        known = [seeds for seeds in open_ones if seeds is not None]
        return max(known) if known and len(known) == len(open_ones) else None


def with_one_error_rate(judged: Sequence[Judged], level: float = LOOK) -> list[Judged]:
    """Return the claims of a gallery with the answers that remain if all of them share one error rate."""
    decided = sorted(
        (found.p_value, number, condition)
        for number, one in enumerate(judged)
        for condition, found in one.estimates.items()
        if found.answer != Answer.UNDECIDED
    )
    tests = sum(len(one.estimates) for one in judged)
    kept = set[tuple[int, str]]()
    for rank, (p_value, number, condition) in enumerate(decided):
        if p_value > (1 - level) / (tests - rank):
            break
        kept.add((number, condition))
    return [
        replace(one, estimates={c: _unless_kept(e, (n, c) in kept) for c, e in one.estimates.items()})
        for n, one in enumerate(judged)
    ]


def _unless_kept(found: Estimate, is_kept: bool) -> Estimate:
    """Return an estimate as it is, or without an answer."""
    return found if is_kept else replace(found, answer=Answer.UNDECIDED)
