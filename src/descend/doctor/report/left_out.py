"""Sentences about the trials that a consultation left out, because of `--quick` or for lack of time."""

from descend.doctor.case import Case
from descend.doctor.report.formatting import count, one_line

MOST_NAMED = 3  # largest number of remedies that are named in one sentence
LONGEST_LABEL = 60
NO_TRIALS = "--quick tries no remedy; without it, descend tries them and proves one"


def left_out_message(case: Case) -> str:
    """Return which remedies and parts of the consultation were left out; "" if nothing was left out."""
    proof = case.proof
    if not (proof.limit or proof.skipped):
        return ""
    named = [one_line(remedy.label, LONGEST_LABEL) for remedy in proof.untried[:MOST_NAMED]]
    if more := len(proof.untried) - len(named):
        named.append(f"{more} more")
    remedies = f"{count(len(proof.untried), 'remedy', 'remedies')}: {'; '.join(named)}" if named else ""
    quick = f"{remedies}. {NO_TRIALS}" if proof.limit == "quick" and remedies else ""
    parts = ["" if quick else remedies, *(one_line(part) for part in proof.skipped)]
    text = "; ".join(part for part in parts if part)
    return ". ".join(part for part in (quick, f"for lack of time: {text}" if text else "") if part)


def untested_suspicions_message(case: Case) -> str:
    """Return how many less likely problems `--quick` left untested, as the end of a sentence; "" if there are none."""
    untested = len(case.open_suspicions) - len(case.undecided_suspicions)
    if case.proof.limit != "quick" or not untested:
        return ""
    return f"; {count(untested, 'less likely problem')} would need trials, which --quick leaves out"
