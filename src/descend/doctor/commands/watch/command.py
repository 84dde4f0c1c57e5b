"""`descend watch train.py`: run a script in place and record it in the store."""

import os
import sys
from typing import Annotated

import typer

from descend.core.errors import UsageError
from descend.doctor.commands.options import DEFAULT_STORE, Arguments, AsModule, Ignore, Python, Target, Where, number
from descend.doctor.commands.terminal import say

EPILOG = "Exit status: the script's own; 2 wrong usage; 5 descend itself failed."


def watch(  # noqa: PLR0913 - each is an option of the command
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    ignore: Ignore = None,
    webhook: Annotated[str, typer.Option(metavar="URL", help="Post each certain finding to this URL as JSON.")] = "",
    live: Annotated[bool, typer.Option("--live", help="Show the run on a local web page while it trains.")] = False,
    port: Annotated[
        int | None, number("--port", 1, 65_535, help="The port of the live page (with --live). Default: any free port.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Do not repeat findings that were reported in the last watched run of this script."
        ),
    ] = False,
    store: Where = DEFAULT_STORE,
    python: Python = None,
) -> None:
    """Run SCRIPT in place, as plain Python would, record it, and report each certain problem as soon as it is seen.

    The losses stay the same, bit for bit. In nine of ten measured loops, watching adds at most 3 % to the time. The
    first steps show how the model, the loss and the optimizer are connected, so a short run is enough to check that.
    At the end, suspicions are listed, which only descend doctor can test. In a program or a notebook, use: with
    descend.watch(model, optimizer):
    """
    from descend.doctor.catalog.diagnosis import check_ids
    from descend.doctor.commands.watch.live_server import LivePage
    from descend.doctor.commands.watch.reporter import Reporter
    from descend.doctor.execution.launch import command_without_secrets
    from descend.doctor.observe import observe
    from descend.doctor.record import Record
    from descend.doctor.record.store import open_store
    from descend.doctor.script.notebook import is_notebook
    from descend.doctor.script.plan import Plan
    from descend.doctor.script.script import open_script

    check_ids(ignore or ())
    if port is not None and not live:
        raise UsageError("--port can only be used with --live: it is the port of the live page")
    with open_script(script, tuple(arguments or ()), as_module=as_module, python=python) as target:
        if is_notebook(target.path):
            raise UsageError(
                f"{script} is a notebook: add `with descend.watch(model, optimizer):` to it and run it in Jupyter, "
                f"or use descend doctor {script}"
            )
        page = LivePage(Record(script=command_without_secrets(target)), port or 0) if live else None
        reporter = Reporter(target.root, say, ignore=ignore or (), webhook=webhook, live=page)
        with open_store(store) as kept:
            if resume or os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0":
                reporter.resume(kept, command_without_secrets(target))
            if page is not None:
                say(f"live page at {page.address}")
            record = observe(target, Plan(role="watch"), kept, reporter.update)
            reporter.conclude(record, kept)
    if record.ending is None or not record.ending.status:
        sys.exit(0)
    say(f"the script ended with exit status {record.ending.status}")
    sys.exit(record.ending.status)
