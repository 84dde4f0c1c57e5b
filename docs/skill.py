"""Write the skill for coding assistants, `src/descend/.agents/skills/descend/SKILL.md`, which the wheel contains.

The commands and their options come from the command tree, the verdicts from the format for assistants.
"""

from pathlib import Path

import typer.main
from typer.core import TyperCommand

from descend.cli import app
from descend.doctor.report.formats.next_steps import INSTRUCTIONS, MEANINGS

PAGE = Path(__file__).parents[1] / "src" / "descend" / ".agents" / "skills" / "descend" / "SKILL.md"
COMMANDS = ("doctor", "apply", "explain")
HEAD = """---
name: descend
description: Finds out why a PyTorch training script is not training, and proves a fix. Use it if a loss stays flat,
  rises, oscillates or becomes NaN, if accuracy stays near chance, or before you edit a training script so that it
  learns better.
---

# Diagnose a training script with descend

descend runs the unmodified script in a scratch copy, names the problem with file and line, and reruns edited copies
to prove a fix. Diagnose first and edit second: an edit that no evidence supports is a mistake.

1. Run `descend doctor train.py`, with the script's own arguments after its name. It takes several times as long as the
   training that it observes, so allow some minutes.
2. Read the lines `verdict` and `action`. Do what `action` says and nothing more.
3. Standard output is the result, standard error has the next command (`next: ...`).

Do not use descend for a script that is only too slow, or for a script that does not use PyTorch.

## Verdicts

If descend recognises a coding assistant, it prints this format by itself; otherwise add `--format agent`.

| `verdict:` | meaning | what to do |
|---|---|---|
"""
MORE = """
The line `not_checked` names a problem that could not be checked, and why. Mention it if you report that nothing is
wrong. A patch has `reproduced: yes` if plain Python repeated its result bit for bit.

## Commands
"""


def page() -> str:
    """Return the text of the skill."""
    rows = [f"| `{name}` | {meaning} | {INSTRUCTIONS[name]} |" for name, meaning in MEANINGS.items()]
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined] # the app has several commands
    return HEAD + "\n".join(rows) + "\n" + MORE + "".join(_section(name, known[name]) for name in COMMANDS)


def _section(name: str, command: TyperCommand) -> str:
    """Return the section on one command: its usage, what it does, its options and its exit status."""
    given = [((p.name or "").upper(), p.required) for p in command.params if p.param_type_name == "argument"]
    arguments = [argument if is_required else f"[{argument}]" for argument, is_required in given]
    optional = [p for p in command.params if p.param_type_name == "option" and "--help" not in p.opts]
    usage = " ".join(["descend", name, *(["[OPTIONS]"] if optional else []), *arguments])
    options = [f"- `{max(p.opts, key=len)}`: {_first_sentence(p.help or '')}" for p in optional]
    status = [command.epilog] if command.epilog else []
    parts = [f"### `{usage}`", _first_paragraph(command.help or ""), "\n".join(options), *status]
    return "\n" + "\n\n".join(part for part in parts if part) + "\n"


def _first_paragraph(text: str) -> str:
    """Return the first paragraph of a help text on one line."""
    return " ".join(text.split("\n\n")[0].split())


def _first_sentence(text: str) -> str:
    """Return the first sentence of a help text."""
    return " ".join(text.split()).partition(". ")[0].rstrip(".") + "."
