"""Write docs/safety.md: what the sandbox prevents at each level, from the table that the sandbox itself uses."""

from pathlib import Path
from textwrap import fill

from descend.doctor.sandbox.promises import (
    ALLOWED,
    DIFFERENCES,
    LEVELS,
    PROMISES,
    RACES,
    REDIRECTED,
    EffectProtection,
    Level,
)

PAGE = Path(__file__).parent / "safety.md"
HEAD = """# What a script cannot do while it is examined

`descend doctor` runs your script in a scratch copy of its working directory. If the script changes files outside that
copy, the changes are redirected to the run's own version of these files, so that checkpoints and logs do not end the
run. The other effects in the table are refused. The report lists both. With `--allow-effects`, nothing is redirected
or refused. `descend watch` runs the script where it is and refuses nothing.

Three levels of isolation exist, and `descend` uses the strongest that works on the machine. `--sandbox` chooses
one. At the start, descend prints what the level in use cannot prevent, and why no stronger one could be used. `make
tables` writes this page from the same table.

- **namespaces**: the run has its own processes, mounts, devices and network, and its own version of all users' files
  (Linux user namespaces).
- **landlock**: the kernel lets the run write only in its copy (Landlock, Linux 5.13 or later).
- **hooks**: only an audit hook in Python refuses effects.

## What prevents each effect

- *redirected*: the effect happens in the run's own version of the file.
- *refused*: the call fails.
- *kernel*: this holds for every library and every program.
- *Python*: this holds for Python code in the script's process and in its forked workers. Libraries in C, programs that
  the script starts, and workers of the start methods spawn and forkserver are not prevented from the effect.

The script may start only programs that change nothing, and its own worker processes. Python code can be written to
remove the audit hook (with `ctypes`, `gc` and similar modules), and to falsify what `descend` measures in its process.
Only the kernel stops a malicious script.

"""
TAIL = """
{races}

## What is redirected

{redirected}

## What else a script may do

An administrator's script gives up its capabilities at every level, except those for reading and changing files that
others own.

Allowed at every level:

{allowed}

A script may notice these differences:

{differences}

Python itself may run files of the working directory in the place of `descend`: with `python -m descend` a `descend.py`
that is there, and with `PYTHONPATH` the modules that it leads to. The command `descend` without `PYTHONPATH` runs none.

## What is kept

Runs are kept in `.descend`, which only your user can read. Keys and passwords are masked before anything is stored
or shown ([how](decisions/0018-redaction.md)). `descend apply` writes only the files of the patch that it
shows.

The page of `descend watch --live` is served on this machine only. Its address contains a random secret, without which
the server refuses every request. So other users, and pages of other sites in your browser, cannot read the page. A user
who can read the terminal or the log with the printed address can.
"""


def page() -> str:
    """Return the page."""
    rows = ["| effect | namespaces | landlock | hooks |", "|---|---|---|---|", *map(_row, PROMISES)]
    tail = TAIL.format(
        races=fill(RACES, 120),
        redirected=_listed(REDIRECTED),
        allowed=_listed(ALLOWED),
        differences=_listed(DIFFERENCES),
    )
    return HEAD + "\n".join(rows) + "\n" + tail


def _listed(sentences: tuple[str, ...]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _row(promise: EffectProtection) -> str:
    return f"| {promise.effect} | " + " | ".join(_cell(promise, level) for level in LEVELS) + " |"


def _cell(promise: EffectProtection, level: Level) -> str:
    """Return who redirects and who refuses an effect, such as "redirected (Python), else refused (kernel)"."""
    holder, redirector = str(getattr(promise, level)), promise.find_redirector(level)
    needs = f", Landlock {promise.needs} or later" if level == "landlock" and promise.needs > 1 else ""
    refused = f"refused ({holder}{needs})"
    cell = f"redirected ({redirector}), else {refused}" if redirector else refused
    return cell.replace("python", "Python")


if __name__ == "__main__":
    PAGE.write_text(page())
