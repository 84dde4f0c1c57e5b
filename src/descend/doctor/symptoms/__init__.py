"""One problem a file: each a pure function of the record, of the file's name."""

from descend.doctor.symptoms.sign import Ruin, Sign
from descend.doctor.symptoms.symptom import Symptom, causes

__all__ = ["Ruin", "Sign", "Symptom", "causes"]
