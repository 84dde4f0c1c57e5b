"""Programs that are started, killed and robbed of their store, and what is left of them."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from waiting import comes, has_rows

TRAINING = """
import ctypes, sys, time, torch
ctypes.CDLL(None).prctl(15, {name!r}.encode())
w = torch.ones(2, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.01)
for step in range({steps}):
    (w ** 2).sum().backward()
    optimizer.step()
    time.sleep({pause})
"""
DESCEND = [sys.executable, "-m", "descend"]
OURS = 'File "' + str(Path(__file__).parents[2] / "src")  # in a traceback: a frame of this package


class Command:
    """A descend command on a small script in a new folder, with a separate folder for temporary files."""

    def __init__(self, folder: Path, *arguments: str, steps: int = 300, pause: float = 0.02) -> None:
        self.folder, self.name = folder, f"flt{os.getpid()}"
        self.temporary = folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        (folder / "train.py").write_text(TRAINING.format(name=self.name, steps=steps, pause=pause))
        self.process = subprocess.Popen(
            [*DESCEND, *arguments, "train.py"],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(self.temporary), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def database(self) -> Path:
        return self.folder / ".descend" / "descend.db"

    def has_steps(self) -> bool:
        """Whether some steps are in the store."""
        return self.database.exists() and has_rows(self.database, "parts")

    def until_recorded(self) -> None:
        assert comes(self.has_steps, within=120, of=self.process), self.process.communicate()

    def ended(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=300)
        return self.process.returncode, out, err

    def kill(self, ending: signal.Signals) -> None:
        self.process.send_signal(ending)
        self.process.communicate(timeout=300)

    def __enter__(self) -> "Command":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def vanishes(store: Path) -> None:
    shutil.rmtree(store)


def becomes_a_file(store: Path) -> None:
    store.rename(store.with_name("moved"))
    store.write_text("no store")


def is_emptied(store: Path) -> None:
    for name in ("descend.db", "descend.db-wal"):
        os.truncate(store / name, 0)


def is_overwritten(store: Path) -> None:
    with (store / "descend.db").open("r+b") as file:
        file.write(b"\xa5" * 8192)


FATES = {
    "vanishes": vanishes,
    "becomes a file": becomes_a_file,
    "is emptied": is_emptied,
    "is overwritten": is_overwritten,
}
