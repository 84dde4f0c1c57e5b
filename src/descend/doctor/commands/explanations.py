"""What a problem is, in the words of its own file and of the list that prescribes for it."""

from textwrap import fill

from descend.doctor.canon import CANON

WIDTH = 100


def explanation(symptom: str) -> str:
    """Return the page on one problem: what it is, how it shows, where its bound comes from, what helps and why."""
    entry = CANON[symptom]
    lines = [entry.nature, "", "How it shows", _indented(entry.appearance)]
    if entry.source:
        lines += ["", "Source", _indented(entry.source)]
    lines += ["", "What helps"]
    rows = dict.fromkeys((row.remedies, row.why, row.source) for row in entry.rows)
    lines += [_indented(entry.advice)] if entry.advice else []
    lines += [_indented(f"{' and '.join(remedies)}: {why} ({source})") for remedies, why, source in rows]
    return "\n".join(lines)


def _indented(text: str) -> str:
    return "\n".join(
        fill(part, WIDTH, initial_indent="  ", subsequent_indent="  ") for part in text.splitlines() if part
    )
