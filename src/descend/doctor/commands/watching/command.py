"""`descend watch train.py`: somebody's own run, in place, with what is measured in the store."""

import os
import sys
from typing import Annotated

import typer

from descend.doctor.commands.options import DEFAULT_STORE, Arguments, AsModule, Ignore, Python, Target, Where, number
from descend.doctor.commands.terminal import say
from descend.ground.errors import UsageError


def watch(  # noqa: PLR0913 - each is an option of the command
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    ignore: Ignore = None,
    webhook: Annotated[str, typer.Option(metavar="URL", help="Post each sure finding there, as JSON.")] = "",
    live: Annotated[bool, typer.Option("--live", help="Show the run on a local page while it goes on.")] = False,
    port: Annotated[
        int | None, number("--port", 1, 65_535, help="Where that page is. Default: at any free port.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="What was told of this script's last watched run is not told again.")
    ] = False,
    store: Where = DEFAULT_STORE,
    python: Python = None,
) -> None:
    """Run SCRIPT in place, as plain Python would, record it, and report certain problems as soon as they are seen.

    Its losses stay the same bit for bit, and probes wait for their share of the loop's time, 2 %. From inside a program
    or a notebook: with descend.watch(model, optimizer):
    """
    from descend.doctor.canon.diagnosis import check_ids
    from descend.doctor.commands.watching.serving import LivePage
    from descend.doctor.commands.watching.watchman import Watchman
    from descend.doctor.observe import observe
    from descend.doctor.record import Record
    from descend.doctor.record.store import open_store
    from descend.doctor.run.launch import shown
    from descend.doctor.script.notebook import is_notebook
    from descend.doctor.script.plan import Plan
    from descend.doctor.script.script import opened

    check_ids(ignore or ())
    if port is not None and not live:
        raise UsageError("--port says where the page of --live is, which is not asked for")
    with opened(script, tuple(arguments or ()), as_module=as_module, python=python) as target:
        if is_notebook(target.path):
            raise UsageError(
                f"{script} is a notebook, which Jupyter runs; put `with descend.watch(model, optimizer):` into it, "
                f"or run its cells by descend doctor {script}"
            )
        page = LivePage(Record(script=shown(target)), port or 0) if live else None
        watchman = Watchman(target.root, say, ignore=ignore or (), webhook=webhook, live=page)
        with open_store(store) as kept:
            if resume or os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0":
                watchman.resume(kept, shown(target))
            if page is not None:
                say(f"live at {page.address}")
            record = observe(target, Plan(role="watch"), kept, watchman.look)
            watchman.conclude(record, kept)
    if record.ending is None or not record.ending.status:
        sys.exit(0)
    say(f"exit status {record.ending.status} is the script's own")
    sys.exit(record.ending.status)
