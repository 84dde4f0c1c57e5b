"""Whether a coding assistant runs descend, which its environment variables show.

Only variables that assistants set for the commands they run are in the list. Others, such as `CURSOR_TRACE_ID` or
`REPL_ID`, are also set in the terminal that a person uses.
"""

from collections.abc import Mapping
from typing import Literal

# Any assistant may set the first two: https://github.com/agentsmd/agents.md/issues/136
VARIABLES = (
    "AI_AGENT",
    "AGENT",
    "AMP_CURRENT_THREAD_ID",
    "ANTIGRAVITY_AGENT",
    "AUGMENT_AGENT",
    "CLAUDECODE",
    "CLINE_ACTIVE",
    "CODEX_CI",
    "CODEX_SANDBOX",
    "CODEX_THREAD_ID",
    "COPILOT_CLI",
    "CURSOR_AGENT",
    "GEMINI_CLI",
    "OPENCODE",
)


OFF = ("", "0", "false", "no", "off")  # values with which a person switches a variable off


def is_run_by_assistant(environment: Mapping[str, str]) -> bool:
    """Return whether one of the variables of coding assistants is set to a value other than those in `OFF`."""
    return any(environment.get(name, "").strip().lower() not in OFF for name in VARIABLES)


def default_format(environment: Mapping[str, str]) -> Literal["agent", "text"]:
    """Return the format of a report if the user gives no `--format`."""
    return "agent" if is_run_by_assistant(environment) else "text"
