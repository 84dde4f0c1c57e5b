"""The cell magic `%%descend`: the doctor examines a cell together with the notebook's earlier cells.

The cells run in a separate process, so the variables of the notebook stay as they are. Cells are numbered as
IPython does: cell 3 is the one that Jupyter shows as [3].
"""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from descend.core.errors import UsageError
from descend.core.temporary import temporary_folder

if TYPE_CHECKING:
    from descend.doctor.report.consultation import Consultation

NAME = "cells.ipynb"  # name of the notebook that is made from the cells
# Options of the command line that a cell cannot have, because it is not a file and its result is displayed.
NOT_FOR_CELLS = ("apply", "as_module", "format", "verbose")


class CellMagic:
    """Collects the cells that run in a shell of IPython, and examines them."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._ids: dict[int, str | None] = {}  # by the number of the cell
        self._failed: set[int] = set()  # numbers of the cells that raised an error

    @property
    def _current(self) -> int:
        """The number of the cell that is running, or that ran last."""
        return len(self._shell.history_manager.input_hist_raw) - 1

    def record_start(self, info: Any) -> None:
        """Record the id of a cell that begins to run. IPython stores its text in the history afterwards."""
        if info.store_history:
            self._ids[self._current + 1] = getattr(info, "cell_id", None)

    def record_end(self, result: Any) -> None:
        """Record whether the cell that has ended raised an error."""
        if result.info.store_history and not result.success:
            self._failed.add(self._current)

    def cells(self, body: str) -> list[str]:
        """Return the text of each cell up to the running one, whose text is `body`; "" for a cell to leave out.

        Left out are cells that raised an error, and earlier versions of a cell that has run again.
        """
        history = self._shell.history_manager.input_hist_raw
        texts = [""] * (self._current - 1) + [body]
        later = {body.strip(), self._ids.get(self._current)}
        for number in range(self._current - 1, 0, -1):
            keys = {history[number].strip(), self._ids.get(number)} - {None}
            if number not in self._failed and keys.isdisjoint(later):
                texts[number - 1] = history[number]
            later |= keys
        return texts

    def run(self, line: str, body: str) -> "Consultation | None":
        """Examine the cell and the earlier ones. The line has options of `descend doctor`, such as `--steps 100`."""
        from typer import Exit
        from typer.exceptions import TyperException

        try:
            return _examine(self.cells(body), line)
        except Exit:  # after --help
            return None
        except (UsageError, TyperException) as error:
            from IPython.core.error import UsageError as OneLine  # IPython prints it without a traceback.

            text = error.format_message() if isinstance(error, TyperException) else str(error)
            raise OneLine(f"%%descend: {text}") from None


def add_cell_magic(shell: Any) -> None:
    """Register `%%descend` in a shell of IPython, once."""
    if "descend" in shell.magics_manager.magics["cell"]:
        return
    magic = CellMagic(shell)
    shell.events.register("pre_run_cell", magic.record_start)
    shell.events.register("post_run_cell", magic.record_end)
    shell.register_magic_function(magic.run, "cell", "descend")


def _examine(cells: list[str], line: str) -> "Consultation":
    """Run the doctor on cells as one notebook, and return the result."""
    from descend.doctor.commands.doctor_plan import plan_from
    from descend.doctor.run_doctor import consult
    from descend.doctor.script.script import find_script

    options = _read_options(line)
    plan = plan_from(options)
    with temporary_folder() as folder:
        path = folder / NAME
        path.write_text(_to_notebook(cells))
        script = replace(find_script(str(path), python=options["python"]), root=Path.cwd(), streamed=True)
        return consult(script, plan, store=options["store"], ray=options["ray"], progress=True)


def _read_options(line: str) -> dict[str, Any]:
    """Return the options in the line of the magic, as the command line reads them. Raises `UsageError`."""
    import typer.main

    from descend.cli import app

    try:
        words = shlex.split(line)
    except ValueError as error:  # a quotation mark is missing
        raise UsageError(f"{line}: {error}") from None
    command = typer.main.get_command(app).commands["doctor"]  # type: ignore[attr-defined]
    context = command.make_context("%%descend", [*words, NAME])
    if (script := context.params["script"]) != NAME:
        raise UsageError(f"takes only options of descend doctor, not {script}; the script is the cell")
    for parameter in command.params:
        source = context.get_parameter_source(parameter.name)
        if parameter.name in NOT_FOR_CELLS and source is not None and source.name == "COMMANDLINE":
            raise UsageError(f"{parameter.opts[0]} is not possible for a cell")
    return context.params


def _to_notebook(cells: list[str]) -> str:
    """Return the JSON of a notebook with these code cells."""
    code: list[dict[str, Any]] = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": cell} for cell in cells
    ]
    return json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
