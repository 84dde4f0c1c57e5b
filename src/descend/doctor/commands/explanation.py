"""The texts of `descend explain`: all problems in groups, or one problem with its detection, remedies and example."""

import shutil
from textwrap import fill, indent

from descend.doctor.catalog import CATALOG
from descend.doctor.report.formatting import sentence
from descend.doctor.symptoms.groups import GROUPS
from descend.doctor.symptoms.problem import Problem, RemedyEntry, group_by_reason

INDENT = "  "
FILLED_IN = "The words in <angle brackets> depend on the run."
WIDEST = 120  # largest width in columns; longer lines are hard to read


def explanation(symptom: str) -> str:
    """Return the text of `descend explain` for one problem, wrapped at the width of the terminal."""
    entry = CATALOG[symptom]
    lines = [
        _wrap(entry.nature),
        "",
        _wrap(entry.explanation),
        "",
        "How it is detected",
        _wrap(detection_text(entry), INDENT),
    ]
    if entry.source:
        lines += ["", "Source", _wrap(entry.source, INDENT)]
    lines += ["", "Remedies"]
    lines += [_wrap(entry.advice, INDENT)] if entry.advice else []
    for (why, source), remedies in group_by_reason(entry.remedies, _remedy_text).items():
        lines += [_wrap(remedy, INDENT, hanging=INDENT) for remedy in remedies]
        lines.append(_wrap(sentence(f"{why} ({source})"), 3 * INDENT))
    if any("<" in remedy.general_label for remedy in entry.remedies):
        lines += ["", _wrap(FILLED_IN, INDENT)]
    lines += ["", "Faulty code", indent(entry.example.faulty, INDENT)]
    lines += ["", "Fixed code", indent(entry.example.fixed, INDENT)]
    return "\n".join(lines)


def detection_text(problem: Problem) -> str:
    """Return what descend reports: the docstring of the detecting function, with descend as the subject."""
    return problem.appearance.replace("Report ", "descend reports ", 1)


def _remedy_text(entry: RemedyEntry) -> str:
    """Return what to do and, in brackets, the ids of the remedies: "Negate the loss [turn_loss]"."""
    return f"{sentence(entry.general_label).rstrip('.')} [{entry.name}]"


def problem_list() -> str:
    """Return the ids and titles of all problems in groups, wrapped at the width of the terminal."""
    ids_width = max(map(len, CATALOG))
    blocks = []
    for group, names in GROUPS.items():
        rows = [
            fill(
                f"{name:{ids_width}}  {CATALOG[name].title}",
                _columns(),
                initial_indent=INDENT,
                subsequent_indent=" " * (len(INDENT) + ids_width + 2),
            )
            for name in names
        ]
        blocks.append("\n".join([group, *rows]))
    return "\n\n".join([*blocks, "descend explain ID explains one of them."])


def _wrap(text: str, indentation: str = "", hanging: str = "") -> str:
    """Return the paragraphs of a text, each wrapped at the width of the terminal and indented.

    hanging: additional indentation of all lines of a paragraph after its first.
    """
    later = indentation + hanging
    return "\n\n".join(
        fill(" ".join(part.split()), _columns(), initial_indent=indentation, subsequent_indent=later)
        for part in text.split("\n\n")
    )


def _columns() -> int:
    """Return the number of columns of the terminal, or 80 without one, but at most `WIDEST`."""
    return min(shutil.get_terminal_size().columns, WIDEST)
