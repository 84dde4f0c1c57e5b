"""`descend discover`: search for an update rule."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from descend.core.errors import UsageError
from descend.doctor.commands.options import DEFAULT_STORE, MOST_PROCESSES, MOST_SEED, Format, number
from descend.doctor.commands.terminal import console, say

if TYPE_CHECKING:
    from descend.discover.judge import Comparison
    from descend.discover.runs import Found

FOLDER = "discover"
PRINTED_EVERY_S = 5.0
MOST_HORIZON = 1000
EPILOG = "Exit status: 0 a rule is found; 2 wrong usage; 3 no rule learns anything; 130 Ctrl-C."


def discover(  # noqa: PLR0913 - each argument is an option of the command
    search: Annotated[
        Literal["evolution", "tree", "random"],
        typer.Option(
            "--search", help="Evolution from plain SGD, Monte Carlo tree search, or independent random expressions."
        ),
    ] = "evolution",
    evaluations: Annotated[
        int, number("--evaluations", 1, 10_000_000, help="The number of different rules that each search trains.")
    ] = 500,
    searches: Annotated[
        int, number("--searches", 1, 1000, help="The number of independent searches, with consecutive seeds.")
    ] = 1,
    seed: Annotated[int, number("--seed", 0, MOST_SEED, help="The seed of the first search.")] = 0,
    symbols: Annotated[
        str | None,
        typer.Option(
            "--symbols",
            metavar="SYMBOLS",
            help='The symbols of the expressions, such as "g m sign + *". Default: all, which are g m v d 1 2 neg sign '
            "abs sqrt square exp + - * /.",
        ),
    ] = None,
    tasks: Annotated[
        str,
        typer.Option("--tasks", metavar="TASKS", help="The tasks on which rules are trained: digits, table, or both."),
    ] = "digits,table",
    judge: Annotated[
        bool,
        typer.Option(
            "--judge",
            help="Compare the best rule with tuned SGD, momentum, Adam, AddSign and Lion on other tasks. It takes ten "
            "minutes on two cores, and more than an hour with --horizons 1,10,100.",
        ),
    ] = False,
    horizons: Annotated[
        str, typer.Option("--horizons", metavar="NUMBERS", help="Steps of --judge, as multiples of 100.")
    ] = "1,10",
    jobs: Annotated[
        int | None,
        number("--jobs", 1, MOST_PROCESSES, help="Run this many searches in parallel. Default: one per core."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue what an earlier command has begun.")] = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file of the best rule.")] = Path("found.py"),
    format: Format = "text",
    store: Annotated[
        str, typer.Option("--store", metavar="DIR", help="The folder in which the evaluations are kept.")
    ] = DEFAULT_STORE,
) -> None:
    """Search for an update rule, and write the best one as an optimizer.

    A rule is an expression of the gradient, its running means, their signs and a decay, as in Bello et al. 2017. Rules
    with proportional steps count as one, and rules that cannot train anything cost nothing. Each other rule trains two
    small networks for 100 steps with eight learning rates.

    Examples:

    - descend discover
    - descend discover --search tree --evaluations 2000 --searches 4
    - descend discover --symbols "g m sign * + 1" --judge
    """
    chosen, proxies, multiples = _symbols(symbols), _proxies(tasks), _horizons(horizons)
    # These import torch, which wrong usage need not wait for.
    from descend.discover.judge import judge_all
    from descend.discover.report import best_of_all
    from descend.discover.runs import SearchPlan, run_all, stored
    from descend.doctor.script.plan import cores

    plans = [SearchPlan(search, seed + i, evaluations, chosen, proxies) for i in range(searches)]
    folder, processes = Path(store, FOLDER), jobs or cores()
    for plan in plans:
        if not resume:
            plan.path(folder).unlink(missing_ok=True)
    progress = _Progress(evaluations * searches)
    try:
        found = run_all(plans, folder, processes, progress.show)
    except KeyboardInterrupt:
        if known := [one for one in (stored(plan, folder) for plan in plans) if one.entries]:
            _print_result(known, [], out, format)
        say("interrupted; --resume continues")
        raise
    best = best_of_all(found)
    try:
        comparisons = judge_all(best[0], multiples, folder, processes, say) if judge and best else []
    except KeyboardInterrupt:
        _print_result(found, [], out, format)
        say("interrupted; --resume --judge continues")
        raise
    _print_result(found, comparisons, out, format)
    if not best:
        raise typer.Exit(3)


class _Progress:
    """Prints how many rules are evaluated, and the time left."""

    def __init__(self, total: int) -> None:
        self._total, self._shown_s = total, 0.0

    def show(self, done: int, passed_s: float) -> None:
        """Print the progress, at most every five seconds."""
        from descend.doctor.report.formatting import count, duration
        from descend.doctor.report.formatting import number as number_text

        if done and passed_s - self._shown_s >= PRINTED_EVERY_S:
            self._shown_s = passed_s
            left = duration(passed_s * (self._total - done) / done)
            say(f"{number_text(done)} of {count(self._total, 'rule')} trained, about {left} left (Ctrl-C keeps them)")


def _symbols(text: str | None) -> tuple[str, ...]:
    """Return the chosen symbols. Raise `UsageError` for an unknown one, and for a space without a rule."""
    from descend.discover.expression import SYMBOLS

    chosen = tuple(SYMBOLS) if text is None else tuple(dict.fromkeys(text.split()))
    for symbol in chosen:
        if symbol not in SYMBOLS:
            raise UsageError(f"--symbols has no symbol {symbol!r}; the symbols are: {' '.join(SYMBOLS)}")
    if not {"g", "m"}.intersection(chosen):
        raise UsageError("--symbols must contain g or m: without the gradient, no expression can train anything")
    return chosen


def _proxies(text: str) -> tuple[str, ...]:
    """Return the chosen tasks. Raise `UsageError` for an unknown one."""
    from descend.discover.expression import PROXIES

    chosen = tuple(dict.fromkeys(text.split(",")))
    for task in chosen:
        if task not in PROXIES:
            raise UsageError(f"--tasks has no task {task!r}; the tasks are: {', '.join(PROXIES)}")
    return chosen


def _horizons(text: str) -> tuple[int, ...]:
    """Return the horizons of the judgement. Raise `UsageError` unless they are positive integers."""
    parts = text.split(",")
    if not all(part.isdigit() and 0 < int(part) <= MOST_HORIZON for part in parts):
        raise UsageError(f"--horizons must be integers from 1 to {MOST_HORIZON}, such as 1,10,100, not {text!r}")
    return tuple(map(int, parts))


def _print_result(found: "list[Found]", comparisons: "list[Comparison]", out: Path, format: str) -> None:
    """Write the best rule and its picture, and print what was found."""
    from descend.discover.report import as_json, best_of_all, search_report
    from descend.discover.rule_file import source
    from descend.discover.rule_page import write_rule_page
    from descend.doctor.report.document import write_document

    best, page = best_of_all(found), out.with_suffix(".html")
    if best:
        write_document(source(best[0].expression, best[0].score.lr), out)
        write_rule_page(best[0], page)
    if format == "json":
        typer.echo(json.dumps(as_json(found, comparisons)))
    else:
        console().print(search_report(found, comparisons, str(out), str(page)))
