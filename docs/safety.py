"""Write docs/safety.md: what the sandbox holds back at each level, from the table that the sandbox itself uses."""

from pathlib import Path

from descend.doctor.sandbox.promises import ALLOWED, LEVELS, PROMISES, Promise

PAGE = Path(__file__).parent / "safety.md"
HEAD = """# What a script cannot do while it is examined

`descend doctor` runs your script in a scratch copy of its working directory. What the script does outside that copy
is refused and listed in the report, unless you pass `--allow-effects`. `descend watch` runs the script where it is
and refuses nothing.

Three levels of isolation exist, and `descend` uses the strongest that works on the machine. `--sandbox` chooses
one. At the start, one line says what the level in use cannot prevent, and why no stronger one could be used. `make
tables` writes this page from the same table.

- **namespaces**: the run has its own processes, mounts, devices, network, `/tmp` and `/dev/shm` (Linux user
  namespaces).
- **landlock**: the kernel lets the run write only in its copy (Landlock, Linux 5.13 or later).
- **hooks**: only Python's audit hook refuses effects.

## Who holds back what

*kernel*: whatever library or program tries it. *Python*: what Python code does; libraries in C and programs that
the script starts are not held back. The script may start only programs that change nothing, and its own worker
processes. Python code that is written to switch the hook off can do so (by `ctypes`, `gc` and the like), and can forge
what `descend` measures in its process: only the kernel holds back a script that means harm.

"""
TAIL = """
An administrator's script gives up its capabilities at every level, except those for reading and changing files that
others own.

Allowed at every level:

{allowed}

Python itself may run files of the working directory in the place of `descend`: with `python -m descend` a `descend.py`
that is there, and with `PYTHONPATH` the modules that it leads to. The command `descend` without `PYTHONPATH` runs none.

## What is kept

Runs are kept in `.descend`, which only your user can read. Keys and passwords are masked before anything is stored
or shown ([how](decisions/0018-redaction.md)). `descend apply` writes only the files of the patch that it
shows.
"""


def page() -> str:
    """Return the page."""
    rows = ["| effect | namespaces | landlock | hooks |", "|---|---|---|---|", *map(_row, PROMISES)]
    return HEAD + "\n".join(rows) + "\n" + TAIL.format(allowed="\n".join(f"- {what}" for what in ALLOWED))


def _row(promise: Promise) -> str:
    return f"| {promise.effect} | " + " | ".join(_cell(promise, level) for level in LEVELS) + " |"


def _cell(promise: Promise, level: str) -> str:
    holder = str(getattr(promise, level)).replace("python", "Python")
    return f"{holder} (Landlock {promise.needs} or later)" if level == "landlock" and promise.needs > 1 else holder


if __name__ == "__main__":
    PAGE.write_text(page())
