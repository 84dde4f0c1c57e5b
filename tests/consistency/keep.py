"""Keeps cases of real consultations for the properties: `python tests/consistency/keep.py SCRIPT... | FOLDER...`.

A script is taken to the doctor, in a separate folder; of a folder every store below it is read. Cases of other names
stay as they were.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kept_cases import CASES, Kept, kept_in, read_kept, write_kept

ROOT = Path(__file__).parents[2]


def consulted(script: Path) -> Iterator[Kept]:
    """Yield the case of a consultation on a script, with enough time for a busy machine."""
    with tempfile.TemporaryDirectory() as made:
        copy = Path(made, script.name)
        copy.write_text(script.read_text())
        environment = {**os.environ, "DESCEND_CLOCK": "steps", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "descend", "doctor", "--format", "json", copy.name]
        subprocess.run(command, cwd=made, env=environment, stdout=subprocess.DEVNULL, check=False)
        yield from kept_in(Path(made, ".descend"), script.stem, {made: "/made"})


def collected(folder: Path) -> Iterator[Kept]:
    """Yield the cases of all stores below a folder."""
    for number, database in enumerate(sorted(folder.rglob("descend.db"))):
        home = database.parent.parent
        yield from kept_in(database.parent, f"{home.name}.{number}", {str(home): "/made"})


def main() -> None:
    """Add the cases of scripts and folders to those that are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+", type=Path)
    known = {kept.name: kept for kept in (read_kept() if CASES.exists() else ())}
    for source in parser.parse_args().sources:
        for kept in collected(source) if source.is_dir() else consulted(source):
            known[kept.name] = kept
            write_kept(known.values())
            print(kept.name, flush=True)


if __name__ == "__main__":
    main()
