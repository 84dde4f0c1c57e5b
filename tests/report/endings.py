"""Cases without a finding: a healthy run, a failed script, a killed process, an empty record."""

from pathlib import Path

from cases import record_of

from descend.doctor.case import Case
from descend.doctor.record import Cost, Ending, Note, Record


def healthy(root: Path) -> Case:
    """Return the case of a healthy run with some skipped measurements."""
    record = record_of(root)
    record.add(Cost("curvature", 0.412, 15, failed=15))
    record.add(Note("curvature", "the loss uses a custom autograd.Function that a replay cannot see"))
    record.add(Note("curvature_standardised", "the loss uses a custom autograd.Function that a replay cannot see"))
    record.add(Note("dead_share", "the model has no module with a ReLU"))
    return Case(record, (), bare_s=4.1, total_s=8.3)


def empty(root: Path) -> Case:
    """Return the case of an empty record."""
    return Case(Record(), ())


def failed_script(root: Path) -> Case:
    """Return the case of a script that raised at step 12."""
    trace = 'Traceback (most recent call last):\n  File "train.py", line 14, in <module>\n'
    trace += "ValueError: Expected input batch_size (64) to match target batch_size (32).\n"
    record = record_of(root, steps=12)
    record.add(Ending("failed", 1, 12, wall_s=3.0, loop_s=0.2, error=trace))
    return Case(record, (), bare_s=3.0, total_s=3.2)


def killed(root: Path) -> Case:
    """Return the case of a killed process."""
    record = record_of(root, steps=40)
    record.add(Ending("killed", -9, 40, wall_s=3.0, loop_s=0.2))
    return Case(record, (), bare_s=3.0, total_s=3.2)
