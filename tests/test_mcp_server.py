"""`descend mcp`, started by the SDK's own client as a real process."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from complaints import one_line
from uncleared import uncleared

needs_sdk = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra descend[mcp] is not installed")


def with_client(folder: Path, use: Callable[[Any], Awaitable[Any]]) -> Any:
    """Start the server in a folder, connect the SDK's client to it, and return the result of `use`."""
    import anyio
    from mcp import Client, StdioServerParameters

    async def connect():
        server = StdioServerParameters(command=sys.executable, args=["-m", "descend", "mcp"], cwd=folder)
        async with Client(server) as client:
            return await use(client)

    return anyio.run(connect)


@needs_sdk
@pytest.mark.slow
def test_the_server_offers_its_tools_and_explains_a_problem(tmp_path):
    async def use(client):
        tools = (await client.list_tools()).tools
        explained = await client.call_tool("explain", {"problem": "dead_units"})
        unknown = await client.call_tool("explain", {"problem": "dead_unit"})
        missing = await client.call_tool("diagnose", {"script": "missing.py"})
        refused = await client.call_tool("diagnose", {"script": "--apply"})
        return client.instructions, tools, explained, unknown, missing, refused

    instructions, tools, explained, unknown, missing, refused = with_client(tmp_path, use)
    assert "make no edit" in instructions
    assert [tool.name for tool in tools] == ["diagnose", "prove", "compare", "explain"]
    for tool in tools[:3]:
        assert all(name in tool.description for name in tool.input_schema["properties"])
        assert tool.input_schema["required"] == ["script"]
    assert not explained.is_error and "How it is detected" in explained.content[0].text
    assert unknown.is_error and "no problem has the id dead_unit" in unknown.content[0].text
    assert missing.is_error and "missing.py" in missing.content[0].text
    assert refused.is_error and "--apply" in refused.content[0].text  # as the name of a script


@needs_sdk
@pytest.mark.slow
def test_a_diagnosis_returns_the_text_for_assistants_and_the_json_report(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "train.py").write_text(uncleared(12) + "raise ValueError('wrong shape')\n")

    messages = []

    async def note(progress, total, message):
        messages.append(message)

    async def use(client):
        arguments = {"script": "train.py", "working_directory": "project", "select": ["no_batch"], "seeds": 2}
        return await client.call_tool("diagnose", arguments, progress_callback=note)

    done = with_client(tmp_path, use)
    assert not done.is_error, done.content[0].text
    assert done.content[0].text.startswith("verdict: script_failed\naction: Correct the error")
    assert done.content[0].text.endswith(f"next: cd {tmp_path}/project && descend doctor --seeds 2 train.py\n")
    report = done.structured_content
    assert report["status"] == "script_failed" and "wrong shape" in report["failure"] and report["run"] == 1
    assert messages and "ended with exit status 1" in messages[-1]


@needs_sdk
@pytest.mark.parametrize("ignored", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN);"])
def test_no_diagnosis_runs_on_if_the_client_is_gone(ignored, monkeypatch):
    from descend.doctor.commands.mcp_server import tools

    start, started = asyncio.create_subprocess_exec, []

    async def start_sleeper(*command, **options):
        code = f"import signal, sys, time; {ignored} print('one run', file=sys.stderr, flush=True); time.sleep(600)"
        started.append(await start(sys.executable, "-c", code, **options))
        return started[0]

    class Gone:
        async def report_progress(self, progress, message):
            raise BrokenPipeError(message)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start_sleeper)
    monkeypatch.setattr(tools, "TERMINATION_S", 1)
    with pytest.raises(BrokenPipeError, match="one run"):
        asyncio.run(tools._run_command("doctor", ["train.py"], ".", Gone()))
    assert started[0].returncode == (-signal.SIGKILL if ignored else -signal.SIGTERM)


@pytest.mark.parametrize("package", ["mcp", "anyio"])
def test_without_the_sdk_one_line_says_what_to_install(package):
    missing = f"import sys; sys.modules['{package}'] = None; sys.argv = ['descend', 'mcp']"
    code = f"{missing}; from descend.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert one_line(done.stderr, names="pip install 'descend[mcp]'")
