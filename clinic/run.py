"""Measures the doctor on the clinic: `python clinic/run.py [--only NAME ...] [--half kept_out]`."""

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

from consult import Consultation, Outcome
from table import page
from variants import HALVES, HERE, Patient, patients

DRAWN = 14  # the seed of the variants; drawn again whenever a result on the half kept out has led to a change


def main() -> None:
    """Consult on every variant, print a line for each, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="names of scripts")
    parser.add_argument("--half", choices=HALVES, help="one half alone")
    parser.add_argument("--kind", choices=("sick", "healthy", "novice"), help="one kind alone")
    parser.add_argument("--drawn", type=int, default=DRAWN, help="seed of the variants")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run was broken off")
    parser.add_argument("--out", type=Path, help="where the table goes; PATIENTS.md, where all are consulted on")
    options = parser.parse_args()
    kinds = (options.kind,) if options.kind else ("sick", "healthy")
    chosen = [p for kind in kinds for p in patients(kind) if not options.only or p.name in options.only]
    is_whole = not (options.only or options.half or options.kind)
    if options.resume and not (is_whole or options.out):
        parser.error("--resume of a part goes on with the --out of the earlier run")
    out = options.out or (HERE / "PATIENTS.md" if is_whole else Path(tempfile.mkdtemp(), "patients.md"))
    kept = out.with_suffix(".jsonl")
    known = outcomes_in(kept, options.drawn) if options.resume else {}
    outcomes: list[Outcome] = []
    with kept.open("a" if options.resume else "w") as lines:
        for half in (options.half,) if options.half else HALVES:
            for patient in chosen:
                outcome = known.get((patient.name, half, patient.faults))
                if outcome is None:
                    outcome = _consult(patient, half, options.drawn)
                    lines.write(json.dumps({"drawn": options.drawn, **outcome.row()}) + "\n")
                    lines.flush()
                outcomes.append(outcome)
                out.write_text(page(outcomes, options.drawn, _machine()))


def outcomes_in(kept: Path, drawn: int) -> dict[tuple[str, str, tuple[str, ...]], Outcome]:
    """Return what an earlier run has kept of variants of that draw by name, half and faults; the last of each."""
    rows = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    found = [Outcome(**row) for row in rows if row.pop("drawn") == drawn]
    return {(outcome.name, outcome.half, tuple(outcome.faults)): outcome for outcome in found}


def _consult(patient: Patient, half: str, drawn: int) -> Outcome:
    began = time.perf_counter()
    outcome = Consultation(patient, half, 0, drawn).outcome()
    mark = "ok   " if outcome.right else "WRONG"
    cure = "+".join(outcome.cure) or "-"
    print(
        f"{mark} {half:8} {outcome.name:36} {' or '.join(outcome.faults) or 'healthy':30} → {outcome.first or '-':28} "
        f"{cure:30} {outcome.before:.3g} → {outcome.after:.3g} {'' if outcome.reproduced else 'not reproduced'} "
        f"{time.perf_counter() - began:.0f} s {outcome.trouble}",
        flush=True,
    )
    return outcome


def _machine() -> str:
    import torch

    return f"{len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, torch {torch.__version__}"


if __name__ == "__main__":
    main()
