"""What the texts say of a problem and of its remedies, and by which number others were ruled out."""

from descend.doctor.canon import CANON
from descend.doctor.case import Case
from descend.doctor.report.wording import number, one_line, sentence
from descend.doctor.symptoms import Symptom

LABEL_LENGTH = 60


def nature(symptom: str) -> str:
    """Return what a problem is, in the words of its own file."""
    return " ".join(CANON[symptom].nature.split()) if symptom in CANON else ""


def reasons(case: Case, symptom: str) -> list[str]:
    """Return why each remedy that was tried for a problem works; of all its remedies where none was tried."""
    if symptom not in CANON:
        return []
    entry = CANON[symptom]
    tried = {remedy for trial in case.trials if symptom in trial.symptoms for remedy in trial.remedies}
    chosen = [row for row in entry.rows if tried & set(row.remedies)] or entry.rows
    words = dict.fromkeys((" and ".join(row.remedies).replace("_", " "), row.why, row.source) for row in chosen)
    return [entry.advice] * bool(entry.advice) + [
        f"{sentence(remedy).rstrip('.')}: {why} ({source})." for remedy, why, source in words
    ]


def ruled_out(case: Case, suspicion: Symptom) -> str:
    """Return the number that speaks against a suspicion: what the best of its own remedies came to."""
    mine = [trial for trial in case.trials if suspicion.id in trial.symptoms and trial.after == trial.after]
    if not mine:
        return ""
    best = min(mine, key=lambda trial: trial.after)
    return f"{one_line(best.label, LABEL_LENGTH)}: {number(best.before)} → {number(best.after)}."
