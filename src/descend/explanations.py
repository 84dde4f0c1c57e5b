"""What a symptom is, in the words of its own file and of the table that prescribes for it."""

import inspect
import sys
from textwrap import fill

from descend.canon import CANON
from descend.symptoms import SYMPTOMS

WIDTH = 100


def explanation(symptom: str) -> str:
    """Return the page on one symptom: what it is, how it shows, where its bound comes from, what helps and why."""
    function = SYMPTOMS[symptom]
    module = sys.modules[function.__module__]
    lines = [
        inspect.cleandoc(module.__doc__ or ""),
        "",
        "How it shows",
        _indented(inspect.getdoc(function) or ""),
    ]
    source = getattr(module, "SOURCE", "")
    if source:
        lines += ["", "Source", _indented(source)]
    lines += ["", "What helps"]
    rows = dict.fromkeys((row.remedy, row.why, row.source) for row in CANON if row.symptom == symptom)
    advice = getattr(module, "ADVICE", "")
    lines += [_indented(advice)] if advice else []
    lines += [_indented(f"{remedy.replace('+', ' and ')}: {why} ({source})") for remedy, why, source in rows]
    return "\n".join(lines)


def _indented(text: str) -> str:
    return "\n".join(
        fill(part, WIDTH, initial_indent="  ", subsequent_indent="  ") for part in text.splitlines() if part
    )
