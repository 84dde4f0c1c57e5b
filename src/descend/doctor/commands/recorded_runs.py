"""The commands that read recorded runs: `descend diagnose`, `descend report`, `descend runs`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from descend.doctor.commands.options import DEFAULT_STORE, Format, Number, Where
from descend.doctor.commands.terminal import console

if TYPE_CHECKING:
    from descend.doctor.case import Case


def diagnose(run: Number = None, store: Where = DEFAULT_STORE, format: Format = "text") -> None:
    """Diagnose a recorded run again, without running anything."""
    from dataclasses import replace

    from descend.doctor.archive import load_case
    from descend.doctor.canon.diagnosis import diagnose as find
    from descend.doctor.concluding import conclude
    from descend.doctor.record.decoding import intact
    from descend.doctor.record.store import open_existing
    from descend.doctor.trials.proof import Proof

    with open_existing(store) as kept:
        number = kept.number(run)
        known, folder = load_case(kept, number), kept.folder / str(number)
    with intact(f"run {number} in {kept.where}"):
        confirmed, dismissed = frozenset(s.id for s in known.findings), frozenset(known.dismissed)
        told = {s.id: s for s in (*known.findings, *known.suspicions)}  # by trials alone, too
        again = tuple((told | {s.id: s for s in find(known.record)}).values())
        proof = Proof(again, known.trials, confirmed, refuted=dismissed, judged=dismissed, changed=known.changed)
        proof = replace(proof, cure=known.cure, tuning=known.tuning, verified=known.verified)
        case = replace(conclude(known.record, proof), total_s=known.total_s)
        has_page = (folder / "report.html").exists()
        print_case(case, as_json=format == "json", folder=folder, store=store, has_page=has_page)
    sys.exit(1 if case.findings else 0)


def report(run: Number = None, store: Where = DEFAULT_STORE) -> None:
    """Write the HTML report of a recorded run again and print its path."""
    from descend.doctor.archive import load_case
    from descend.doctor.record.decoding import intact
    from descend.doctor.record.store import open_existing
    from descend.doctor.report import write_page

    with open_existing(store) as kept:
        number = kept.number(run)
        case, trial_runs = load_case(kept, number), kept.trial_runs(number)
        path = kept.folder_of(number) / "report.html"
    with intact(f"run {number} in {kept.where}"):
        write_page(case, trial_runs, path)
    typer.echo(path)


def runs(store: Where = DEFAULT_STORE) -> None:
    """List the recorded runs."""
    from rich.table import Table
    from rich.text import Text

    from descend.doctor.record.store import open_existing
    from descend.doctor.report.wording import one_line

    table = Table("run", "when (UTC)", "kind", "script", "steps", "ended", "findings", box=None)
    with open_existing(store) as kept:
        for row in kept.runs():
            when = row.started.strftime("%Y-%m-%d %H:%M") if row.started else ""
            cells = (row.number, when, row.role, row.script, row.steps, row.status, row.findings)
            table.add_row(*(Text(one_line(str(cell))) for cell in cells))  # a store's text is no markup
    console().print(table)


def print_case(case: "Case", *, as_json: bool, folder: Path, store: str, has_page: bool) -> None:
    """Print a case for a person or, as JSON, for a program."""
    from descend.doctor.report import render_console, render_json

    if as_json:
        typer.echo(render_json(case))
    else:
        console().print(render_console(case, folder, store=store, has_page=has_page))
