"""The MCP server of `descend mcp`, with the tools `diagnose`, `prove`, `compare` and `explain`.

Importing it needs the package `mcp`.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent

from descend.core.errors import UsageError
from descend.doctor.commands.options import DEFAULT_STORE

INSTRUCTIONS = (
    "Call diagnose when a PyTorch script trains badly, or before you change a training script to make it learn better. "
    "Follow the line `action` of the answer. With the verdict nothing_to_fix, make no edit. Call prove to find out "
    "whether a change that you made helps, before you report that it does. Call compare to find out which optimizer, "
    "learning rate, schedule or batch size to use."
)
TERMINATION_S = 20  # After a cancelled call, the diagnosis may take this many seconds to stop its runs.


def build_server() -> MCPServer:
    """Return the server with its tools."""
    server = MCPServer("descend", instructions=INSTRUCTIONS, version=version("descend"), log_level="WARNING")
    server.add_tool(diagnose, structured_output=False)
    server.add_tool(prove, structured_output=False)
    server.add_tool(compare, structured_output=False)
    server.add_tool(explain, structured_output=False)
    return server


async def diagnose(  # noqa: PLR0913 - each argument is one of the tool
    context: Context,
    script: str,
    arguments: list[str] | None = None,
    as_module: bool = False,
    working_directory: str = ".",
    quick: bool = False,
    budget: str | None = None,
    steps: int | None = None,
    seconds: float | None = None,
    seeds: int | None = None,
    select: list[str] | None = None,
    ignore: list[str] | None = None,
) -> CallToolResult:
    """Find out why a PyTorch training script or notebook isn't training, and prove a fix on copies of it.

    The script runs unmodified in a scratch copy of the working directory; no file is changed. A diagnosis takes
    several times as long as the observed training, often some minutes. The text has a verdict, an action and, if a
    fix is proved, the patch. The structured content is the report of `descend doctor --format json`.

    script: path of the script, or the name of a module with as_module. arguments: the script's own arguments.
    working_directory: the folder in which the script runs; the results are stored in its folder .descend.
    quick: only observe the script, and try no remedy. budget: largest time of the diagnosis, such as 90s or 2m.
    steps, seconds: observe at most this much training. seeds: prove a fix on this many seeds, at least 2.
    select, ignore: ids of the only problems to check, or of problems not to check.
    """
    options = ["--format", "json", *(["-m"] if as_module else []), *(["--quick"] if quick else [])]
    for name, value in (("--budget", budget), ("--steps", steps), ("--seconds", seconds), ("--seeds", seeds)):
        options += [] if value is None else [name, str(value)]
    for name, ids in (("--select", select), ("--ignore", ignore)):
        options += [f"{name}={problem}" for problem in ids or ()]
    # After the two dashes, no text of the caller can be read as an option, such as --apply.
    report = await _run_command("doctor", [*options, "--", script, *(arguments or ())], working_directory, context)
    text = _agent_text(report, working_directory)
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=report)


async def prove(  # noqa: PLR0913 - each argument is one of the tool
    context: Context,
    script: str,
    arguments: list[str] | None = None,
    working_directory: str = ".",
    settings: list[str] | None = None,
    patches: list[str] | None = None,
    against: str | None = None,
    metric: str | None = None,
    budget: str | None = None,
    steps: int | None = None,
    seeds: int | None = None,
) -> CallToolResult:
    """Find out whether a change of a PyTorch training script helps, by runs with and without it on the same seeds.

    No file is changed. The comparison takes about ten times as long as one run of the script. The structured content
    is the report of `descend prove --format json`.

    script: path of the script. arguments: its own arguments. working_directory: the folder in which it runs.
    settings: changes of settings, such as lr=3e-4. patches: files with patches. against: a git revision with which the
    files are compared as they are now; HEAD for what is not committed. metric: name of the logged metric to compare.
    budget: largest time, such as 90s or 10m. steps: end each run after this many steps. seeds: number of seeds.
    """
    options = ["--format", "json"]
    given = {"metric": metric, "against": against, "budget": budget, "steps": steps, "seeds": seeds}
    options += [f"--{name}={value}" for name, value in given.items() if value is not None]
    for name, values in (("--set", settings), ("--patch", patches)):
        options += [f"{name}={value}" for value in values or ()]
    return await _compare_runs("prove", [*options, "--", script, *(arguments or ())], working_directory, context)


async def compare(  # noqa: PLR0913 - each argument is one of the tool
    context: Context,
    script: str,
    arguments: list[str] | None = None,
    working_directory: str = ".",
    optimizers: list[str] | None = None,
    settings: list[str] | None = None,
    schedules: list[str] | None = None,
    initialisers: list[str] | None = None,
    clip: list[str] | None = None,
    find_lr: bool = False,
    metric: str | None = None,
    budget: str = "10m",
    trials: int | None = None,
    steps: int | None = None,
    seeds: int | None = None,
    anyway: bool = False,
) -> CallToolResult:
    """Find out which optimizer, learning rate, schedule or other setting trains a PyTorch script best.

    No file is changed. Each choice is tuned with the same number of steps, then run on fresh seeds. The structured
    content is the report of `descend compare --format json`; its key `patch` is the recommended change.

    script: path of the script. arguments: its own arguments. working_directory: the folder in which it runs.
    optimizers, schedules, initialisers: names, such as AdamW or cosine. clip: limits of the gradient norm. Without any
    of them, the choices follow from the script. settings: ranges or lists of values, such as lr=1e-4:1e-1 or
    batch_size=16,64. find_lr: also compare the suggestion of a learning rate range test. metric: name of the logged
    metric to compare. budget: largest time, such as 90s or 10m. trials: tune each choice for as many steps as this many
    runs have. steps: end each run after this many steps. seeds: number of fresh seeds. anyway: also compare a script
    with a certain problem.
    """
    options = ["--format", "json", *(["--find-lr"] if find_lr else []), *(["--anyway"] if anyway else [])]
    lists = {"optimizers": optimizers, "schedules": schedules, "initialisers": initialisers, "clip": clip}
    options += [f"--{name}={','.join(names)}" for name, names in lists.items() if names]
    options += [f"--set={setting}" for setting in settings or ()]
    given = {"metric": metric, "budget": budget, "trials": trials, "steps": steps, "seeds": seeds}
    options += [f"--{name}={value}" for name, value in given.items() if value is not None]
    return await _compare_runs("compare", [*options, "--", script, *(arguments or ())], working_directory, context)


async def _compare_runs(name: str, words: list[str], folder: str, context: Context) -> CallToolResult:
    """Run `descend prove` or `descend compare` and return its verdict as text, with its whole report."""
    report = await _run_command(name, words, folder, context)
    return CallToolResult(
        content=[TextContent(type="text", text=f"verdict: {report['verdict']}")], structured_content=report
    )


def explain(problem: str) -> str:
    """Explain a problem that diagnose can find: what it is, how it is detected, and which remedies are recommended.

    problem: the problem's id, such as dead_units.
    """
    from descend.doctor.catalog.diagnosis import check_ids
    from descend.doctor.commands.explanation import explanation

    try:
        check_ids([problem])
    except UsageError as error:
        raise ToolError(str(error)) from None
    return explanation(problem)


async def _run_command(name: str, words: list[str], folder: str, context: Context) -> dict[str, Any]:
    """Run a command of descend in a separate process and return its JSON. Raise `ToolError` if it prints none."""
    if not os.path.isdir(folder):
        raise ToolError(f"the working directory {folder} does not exist")
    command = [sys.executable, "-m", "descend", name, *words]
    # Standard input belongs to the protocol.
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, cwd=folder)
    assert process.stdout is not None and process.stderr is not None
    reading = asyncio.create_task(process.stdout.read())
    try:
        errors = await _report_progress(process.stderr, context)
        output = await reading
        await process.wait()
    except BaseException:  # The call was cancelled, or the client does not take the progress any more.
        reading.cancel()
        with anyio.CancelScope(shield=True):
            await _stop(process)
        raise
    try:
        report: dict[str, Any] = json.loads(output)
    except ValueError:
        raise ToolError(_last_line(errors) or f"descend {name} ended with status {process.returncode}") from None
    return report


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End the diagnosis, which first stops its runs; kill it if it takes too long."""
    with suppress(ProcessLookupError):  # It has ended by itself.
        process.terminate()
    with anyio.move_on_after(TERMINATION_S):
        await process.communicate()
    if process.returncode is None:
        process.kill()
        await process.wait()


async def _report_progress(stream: asyncio.StreamReader, context: Context) -> bytes:
    """Read standard error to its end, send the client its newest line as progress, and return the last part read."""
    part = b""
    count = 0
    while read := await stream.read(2**16):
        part, count = read, count + 1
        await context.report_progress(count, message=_last_line(part))
    return part


def _last_line(text: bytes) -> str:
    """Return the last line of a text that is not empty; "" if it has none."""
    lines = text.decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _agent_text(report: dict[str, Any], folder: str) -> str:
    """Return the text for the assistant of the run that a JSON report is about; its verdict if it was not stored.

    folder: the folder in which the script ran. The assistant may run the printed commands in another one.
    """
    from descend.doctor.archive import load_case
    from descend.doctor.record.store import open_existing
    from descend.doctor.report.formats import render_for_assistant

    try:
        with open_existing(str(Path(folder, DEFAULT_STORE))) as kept:
            case = load_case(kept, int(report["run"] or 0))
    except UsageError:  # The disk is full or read-only.
        return str(report["verdict"])
    directory = "" if os.path.samefile(folder, os.curdir) else os.path.abspath(folder)
    return render_for_assistant(case, DEFAULT_STORE, directory)
