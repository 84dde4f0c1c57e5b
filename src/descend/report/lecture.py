"""What the texts say of a problem and of its remedies, and by which number others were ruled out."""

import inspect
import sys

from descend.canon import CANON
from descend.case import Case
from descend.report.wording import number, one_line, sentence
from descend.symptoms import SYMPTOMS
from descend.symptoms.symptom import Symptom

LABEL_LENGTH = 60


def nature(symptom: str) -> str:
    """Return what a problem is, in the words of its own file."""
    module = sys.modules[SYMPTOMS[symptom].__module__] if symptom in SYMPTOMS else None
    text = inspect.cleandoc(module.__doc__ or "") if module else ""
    return " ".join(text.split())


def reasons(case: Case, symptom: str) -> list[str]:
    """Return why each remedy that was tried for a problem works; of all its remedies where none was tried."""
    tried = {remedy for trial in case.trials if trial.symptom == symptom for remedy in trial.remedies}
    rows = [row for row in CANON if row.symptom == symptom]
    chosen = [row for row in rows if tried & set(row.remedy.split("+"))] or rows
    words = dict.fromkeys((row.remedy.replace("+", " and ").replace("_", " "), row.why, row.source) for row in chosen)
    advice = getattr(sys.modules[SYMPTOMS[symptom].__module__], "ADVICE", "") if symptom in SYMPTOMS else ""
    return [advice] * bool(advice) + [
        f"{sentence(remedy).rstrip('.')}: {why} ({source})." for remedy, why, source in words
    ]


def ruled_out(case: Case, suspicion: Symptom) -> str:
    """Return the number that speaks against a suspicion: what the best of its own remedies came to."""
    mine = [trial for trial in case.trials if trial.symptom == suspicion.id and trial.after == trial.after]
    if not mine:
        return ""
    best = min(mine, key=lambda trial: trial.after)
    return f"{one_line(best.label, LABEL_LENGTH)}: {number(best.before)} → {number(best.after)}."
