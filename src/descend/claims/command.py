"""`descend claims`: what the texts claim about training, measured on this machine."""

import json
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from descend.core.errors import UsageError
from descend.doctor.commands.options import DEFAULT_STORE, MOST_PROCESSES, Format, number
from descend.doctor.commands.terminal import console, say

if TYPE_CHECKING:
    from descend.claims.campaign import TimeLeft
    from descend.claims.measure import Rows
    from descend.claims.rows import Row

FILE = "claims.jsonl"
EPILOG = (
    "Exit status: 0 all requested claims are decided, or they are only listed; 2 wrong usage; 3 a requested claim is "
    "undecided; 130 Ctrl-C."
)


def claims(
    names: Annotated[list[str] | None, typer.Argument(metavar="[CLAIM]...", help="The claims to measure.")] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Measure all claims.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Do not measure again what is stored and has not changed since.")
    ] = False,
    jobs: Annotated[
        int | None,
        number("--jobs", 1, MOST_PROCESSES, help="Make this many measurements in parallel. Default: one per core."),
    ] = None,
    format: Format = "text",
    store: Annotated[
        str, typer.Option("--store", metavar="DIR", help="The folder in which the measurements are kept.")
    ] = DEFAULT_STORE,
) -> None:
    """Measure what textbooks claim about training, and print whether it holds.

    Without CLAIM, all claims are listed with the verdicts of the measurements that come with descend, or of your own.
    With one, it is measured: each side of a comparison gets its own learning rate, tuned with as many runs, and as many
    seeds as its spread requires. A claim is measured on several kinds of data; it may hold for some of them only.

    Examples:

    - descend claims
    - descend claims momentum-helps
    - descend claims --all --resume
    """
    from descend.claims.gallery import claim_names
    from descend.claims.listing import shipped_verdicts

    if names and is_all:
        raise UsageError("give either --all or the names of claims")
    if "://" in store:
        raise UsageError("--store of descend claims must be a folder, not a database")
    chosen = list(claim_names()) if is_all else _known(names or [])
    path = Path(store, FILE)
    if not chosen and not path.exists():
        _print_gallery(shipped_verdicts(), format)
        return
    # These import torch, which wrong usage need not wait for.
    from descend.claims.campaign import measure_all, places_of, stored_rows
    from descend.claims.measure import judge_gallery
    from descend.claims.report import as_json
    from descend.claims.rows import SHIPPED
    from descend.doctor.script.plan import cores

    places = places_of(chosen or claim_names())
    own = stored_rows(path, places)
    if not chosen:
        rows = {**stored_rows(SHIPPED, places), **own}
        _print_gallery(as_json(judge_gallery(rows), rows), format)
        return
    missing = [place for place in places if not (resume and place in own)]
    kept = own if resume else {}
    try:
        rows = kept | measure_all(missing, path, jobs or cores(), _show_progress)
    except KeyboardInterrupt:
        _print_claims(chosen, stored_rows(path, places), format)
        say("interrupted; --resume continues")
        raise
    sys.exit(_print_claims(chosen, rows, format))


def _show_progress(row: "Row | None", left: "TimeLeft") -> None:
    """Print what is complete, and the time left. row: None before the first measurement."""
    from descend.doctor.report.formatting import count, duration

    more = f", about {duration(left.left_s)} left" if left.count else ""
    if row is not None:
        say(f"{left.total - left.count} of {left.total}: {row.claim}, {row.condition}{more}")
    elif left.count:
        say(f"{count(left.total, 'measurement')}{more} (Ctrl-C keeps those that are complete)")


def _known(names: list[str]) -> list[str]:
    """Return the names without repetitions. Raise `UsageError` for an unknown one."""
    from descend.claims.gallery import claim_names

    for name in names:
        if name not in claim_names():
            similar = get_close_matches(name, claim_names())
            hint = f"did you mean {' or '.join(similar)}?" if similar else "descend claims lists all"
            raise UsageError(f"there is no claim {name!r}; {hint}")
    return list(dict.fromkeys(names))


def _print_gallery(claims: list[dict[str, Any]], format: str) -> None:
    """List all claims with their verdicts."""
    from descend.claims.listing import gallery_table

    if format == "json":
        typer.echo(json.dumps(claims))
    else:
        console().print(gallery_table(claims))


def _print_claims(names: list[str], rows: "Rows", format: str) -> int:
    """Print the claims that were measured; return the exit status."""
    from descend.claims.measure import judge
    from descend.claims.report import as_json, claim_report
    from descend.claims.verdict import Verdict

    judged = {name: judge(name, rows) for name in names}
    if format == "json":
        typer.echo(json.dumps(as_json(judged, rows)))
    else:
        for name, one in judged.items():
            console().print(claim_report(name, one, rows))
            console().print()
    return 3 if any(one.verdict == Verdict.UNDECIDED for one in judged.values()) else 0
