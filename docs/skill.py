"""Write the skill for coding assistants, `src/descend/.agents/skills/descend/SKILL.md`, which the wheel contains.

The commands and their options come from the command tree, the verdicts and the keys from the format for assistants.
"""

from pathlib import Path

import typer.main
from typer.core import TyperCommand

from descend.cli import app
from descend.doctor.report.formats.agent_keys import KEYS, UNDECIDED_ADVICE
from descend.doctor.report.formats.next_steps import INSTRUCTIONS, MEANINGS

PAGE = Path(__file__).parents[1] / "src" / "descend" / ".agents" / "skills" / "descend" / "SKILL.md"
COMMANDS = ("doctor", "prove", "compare", "diagnose", "apply", "explain")
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
3. Standard output is the result, standard error has the next commands (`descend: next: ...`).

With exit status 2, no report is printed. Standard error then has the reason in one line: the command is wrong, or the
script makes too few steps to be judged. Correct the command, or let the script train for more steps.

Results are stored in `.descend` of the working directory, so run `descend apply`, `descend diagnose` and
`descend report` in the same directory. If you passed `--store` to `descend doctor`, pass it to them, too.

Do not use descend for a script that is only too slow, or for a script that does not use PyTorch.

## A report

If descend recognises a coding assistant, it prints this format by itself; otherwise add `--format agent`.

```
verdict: proved_fix
action: Apply the patch and make no other edit. Then run the script once to confirm.
summary: 1 problem, and a proved fix: standardise inputs where they are made, [...] 2.301 → 0.00505 on 5 seeds
script: examples/digits_mlp.py
steps: 276
finding: inputs_not_normalised | likely | examples/digits_mlp.py:31
  title: Inputs are not normalised.
  evidence: Feature standard deviations range from 0.062 to 6.7; the largest root mean square is 13. [...]
  consequences: dead_units, instability
metric: negative log-likelihood on 256 fixed training examples after 276 steps
trial: standardise inputs where they are made | proved | 2.301 → 0.00505 | 5 seeds
trial: learning rate 0.5 → 0.03 | helps | 2.303 → 0.0566 | 1 seed
checked: 75 problems
patch: examples/digits_mlp.py, +3 lines | reproduced: yes
apply: descend apply 1
[the patch as a unified diff]
```

| key | value |
|---|---|
"""
VERDICTS = """
`certain`, `likely` and `suspected` say how certain a problem was before the trials. A finding that was only likely or
suspected has been confirmed by a trial.

## Verdicts

| `verdict:` | meaning | what to do |
|---|---|---|
"""
UNDECIDED = """
| `undecided_because:` | what to do |
|---|---|
"""
MORE = """
If you report that nothing is wrong, also name the problems in `not_checked`.

## Commands
"""


def page() -> str:
    """Return the text of the skill."""
    keys = [f"| `{key}` | {meaning} |" for key, meaning in KEYS.items()]
    verdicts = [f"| `{name}` | {meaning} | {INSTRUCTIONS[name]} |" for name, meaning in MEANINGS.items()]
    reasons = [f"| `{reason}` | {advice} |" for reason, advice in UNDECIDED_ADVICE.items()]
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined] # the app has several commands
    tables = [HEAD, *keys, VERDICTS, *verdicts, UNDECIDED, *reasons, MORE]
    text = "".join(part if part.endswith("\n") else f"{part}\n" for part in tables)
    return text + "".join(_section(name, known[name]) for name in COMMANDS)


def _section(name: str, command: TyperCommand) -> str:
    """Return the section on one command: its usage, what it does, its options and its exit status."""
    given = [
        ((p.metavar or p.name or "").upper(), p.required) for p in command.params if p.param_type_name == "argument"
    ]
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
