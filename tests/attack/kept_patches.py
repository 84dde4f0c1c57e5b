"""A store with one run that has a proved patch, made by hand: the files that it changes may be any."""

from pathlib import Path

from descend.doctor.archive import save_case
from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case
from descend.doctor.record import Ending, Record
from descend.doctor.record.store import open_store
from descend.doctor.script.file_change import FileChange, sha256_of
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.trial import Trial

OLD, NEW = b"lr = 5\n", b"lr = 1\n"
FINDING = Symptom(
    id="no_zero_grad", kind="wiring", certain=True, sentence="s", quantity="q", value=1.0, bound=1.0, source="torch"
)


def change_of(file: Path | str) -> FileChange:
    return FileChange(str(file), sha256_of(OLD), sha256_of(NEW), ((0, 1, NEW.decode()),))


def keep_patch(folder: Path, *files: Path | str) -> None:
    """Keep run 1 in `folder`/.descend: its patch turns OLD into NEW in each of these files."""
    record = Record(0, "baseline", None, "train.py", str(folder))
    record.add(Ending("finished", 0, 40, 2.0, 1.0))
    patch = f"--- train.py\n+++ train.py\n@@ -1 +1 @@\n-{OLD.decode()}+{NEW.decode()}"
    cure = Trial(
        ("set_rate",),
        "a smaller rate",
        FINDING.id,
        "proved",
        "loss",
        2.0,
        1.0,
        (1.0, 1.0),
        (-1.0, -1.0),
        (0,),
        patch=patch,
    )
    case = Case(record, (FINDING,), (), Proof(trials=(cure,), fix=cure), changes=tuple(map(change_of, files)))
    with open_store(folder / ".descend") as store:
        store.save(record)
        save_case(store, case)
