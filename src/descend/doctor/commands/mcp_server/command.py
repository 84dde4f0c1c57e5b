"""The command `descend mcp`, which needs the optional package `mcp`."""

from descend.core.errors import UsageError

INSTALL = "descend mcp needs the Python package mcp, version 2 or later: pip install 'descend[mcp]'"


def mcp() -> None:
    r"""Offer diagnose, prove, compare and explain to a coding assistant, over the Model Context Protocol (MCP).

    Start it from the assistant's settings, in the directory of the training script. It uses standard input and output.
    It needs pip install 'descend\[mcp]'.
    """
    try:
        from descend.doctor.commands.mcp_server.tools import build_server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "anyio"):  # `mcp` installs `anyio`.
            raise
        raise UsageError(INSTALL) from None
    build_server().run("stdio")
