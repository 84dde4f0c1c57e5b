"""Examines the programs again and keeps their records: `python tests/frozen/freeze.py --folder FOLDER`.

Programs whose records the folder already holds are not run again. `--said` runs nothing: it accepts the present
reports of the records.
"""

import argparse
import lzma
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from frozen import HERE, RECORDS, SAID, kept, lines_of, text_of

ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "clinic"), str(ROOT / "tests" / "kinds")]

from mutations.sample import Subject, as_shown, singles  # noqa: E402
from test_kinds import KINDS, Kind  # noqa: E402
from variants import patients  # noqa: E402

from descend.doctor.observe import observe  # noqa: E402
from descend.doctor.record.store import open_store  # noqa: E402
from descend.doctor.script.plan import CLOCK, Plan  # noqa: E402
from descend.doctor.script.script import Script  # noqa: E402

EVERY_MUTANT, EVERY_STRANGER = 8, 3


@dataclass(frozen=True)
class Program:
    """One program that is examined, by the name that its record is kept under."""

    name: str
    write: Callable[[Path], Path]  # into an empty folder, where it has no place of its own: returns its path


def programs() -> Iterator[Program]:
    """Yield the clinic, some of the strangers' programs, the examples, the kinds of script and some mutants."""
    lying = [patient.path for kind in ("sick", "healthy", "novice") for patient in patients(kind)]
    lying += sorted((ROOT / "clinic" / "strangers").rglob("*.py"))[::EVERY_STRANGER]
    for path in (*lying, *sorted((ROOT / "examples").glob("*.py"))):
        yield Program(str(path.relative_to(ROOT).with_suffix("")), lambda _, path=path: path)
    for kind in KINDS:
        if not kind.command and not kind.needs:
            yield Program(f"kinds/{kind.program.removesuffix('.py')}", partial(_kind, kind))
    for mutant in list(singles("tuning"))[::EVERY_MUTANT]:
        yield Program(f"mutants/{mutant.id}", partial(_mutant, mutant))


def _kind(kind: Kind, folder: Path) -> Path:
    return folder / kind.write(folder, sick=True)[0]


def _mutant(mutant: Subject, folder: Path) -> Path:
    path = folder / f"{mutant.mutants[0].host.name}.py"
    path.write_text(as_shown(mutant.text))
    return path


def examined(name: str, path: Path, made: Path) -> str:
    """Return the record of one as text, without what is of this machine."""
    with TemporaryDirectory() as kept_in, open_store(Path(kept_in)) as store:
        record = observe(Script(path, path.parent), Plan(), store, lambda *_: None)
    text = text_of(name, record)
    for known, shown in ((made, "/made"), (ROOT, "/descend"), (sys.prefix, "/python"), (sys.base_prefix, "/python")):
        text = text.replace(str(known), shown)
    return text


def main() -> None:
    """Examine what the folder does not hold, then keep all of it; or accept what is said of what is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where records lie in the meantime")
    parser.add_argument("--said", action="store_true", help="only accept what is said of the records that are kept")
    options = parser.parse_args()
    if options.folder is None and not options.said:
        parser.error("give --folder, where records lie in the meantime, or --said")
    if not options.said:
        os.environ[CLOCK] = "steps"  # what is measured does not depend on how busy the machine is
        options.folder.mkdir(exist_ok=True)
        texts = [_text(program, options.folder / program.name.replace("/", ".")) for program in programs()]
        with lzma.open(RECORDS, "wt", preset=9 | lzma.PRESET_EXTREME) as file:
            file.writelines(texts)
    SAID.write_text("".join(line + "\n" for name, record in kept() for line in lines_of(name, record)))


def _text(program: Program, file: Path) -> str:
    if not file.exists():
        with TemporaryDirectory() as made:
            text = examined(program.name, program.write(Path(made)), Path(made))
        file.write_text(text)
        print(program.name, flush=True)
    return file.read_text()


if __name__ == "__main__":
    main()
