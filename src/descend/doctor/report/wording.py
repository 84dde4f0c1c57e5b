"""How the report says numbers, durations and places, on the console as on the page."""

import math
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from descend.doctor.case import Case
from descend.doctor.record import Ending, Record, Site
from descend.doctor.redaction import clean
from descend.doctor.script.notebook import is_notebook
from descend.doctor.script.notebook import place as cell_of
from descend.doctor.script.script import read_source
from descend.doctor.symptoms import Symptom
from descend.ground.control_characters import BIDIRECTIONAL
from descend.ground.errors import UsageError

NO_BREAK_SPACE = "\u00a0"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SMALLEST_PLAIN, LARGEST_PLAIN = 1e-3, 1e6  # outside, a power of ten reads more easily than a row of zeros
PLAIN = {
    "own_seconds": "seconds before the backward pass",
    "failed": "not judged",
    "ineffective": "no effect",
    "no_effect": "too little",
}
CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # of a terminal: colours, movements (ECMA-48, §5.4)
MOST_DECIMALS = 3  # of a percentage


def number(value: float) -> str:
    """Return a number as a reader wants it: three or four significant digits, `1 410`, `1.2×10⁻⁵`, `NaN`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size and not SMALLEST_PLAIN <= size < LARGEST_PLAIN:
        mantissa, exponent = f"{value:.1e}".split("e")
        return mantissa.replace("-", "−") + "×10" + str(int(exponent)).translate(SUPERSCRIPTS)
    if size >= 1000:
        return f"{value:,.0f}".replace(",", NO_BREAK_SPACE).replace("-", "−")
    return f"{value:.{4 if size >= 1 else 3}g}".replace("-", "−")


def interval(low: float, high: float) -> str:
    """Return an interval as `[0.078, 0.091]`, to two digits of its width; empty where it is not known."""
    if not (math.isfinite(low) or math.isfinite(high)):
        return ""
    width = high - low
    if math.isfinite(width) and SMALLEST_PLAIN <= width < 10 and max(abs(low), abs(high)) < 1000:
        decimals = max(0, 1 - math.floor(math.log10(width)))
        return f"[{low:.{decimals}f}, {high:.{decimals}f}]".replace("-", "−")
    return f"[{number(low)}, {number(high)}]"


def taken_off(gain: tuple[float, float]) -> str:
    """Return an interval of the share that a change takes off as `−99.6 to −99.1 %`; empty where it is not known.

    An end has as many decimals as what is left needs, and claims no more than was found.
    """
    low, high = gain
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    most, least = (_change_in_percent(share, high - low) for share in (high, low))
    return f"{most}{NO_BREAK_SPACE}%" if most == least else f"{most} to {least}{NO_BREAK_SPACE}%"


def _change_in_percent(share: float, width: float) -> str:
    narrow = min((value for value in (1 - share, width) if value > 0), default=1.0)
    decimals = min(MOST_DECIMALS, max(0, -math.floor(math.log10(narrow)) - 2))
    cut = math.floor(100 * share * 10**decimals) / 10**decimals
    sign = "−" if cut > 0 else "+" if cut < 0 else ""
    return f"{sign}{abs(cut):.{decimals}f}" if abs(cut) < LARGEST_PLAIN else f"{sign}{number(abs(cut))}"


def percent(share: float, decimals: int = 0) -> str:
    """Return `97 %`."""
    return f"{100 * share:.{decimals}f}{NO_BREAK_SPACE}%"


def duration(seconds: float) -> str:
    """Return a wall-clock time: `0.4 ms`, `2.1 s`, `31 s`, `2 min 5 s`."""
    if not math.isfinite(seconds):
        return "unknown time"
    if seconds <= 0:
        return "0 s"
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.2g} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def count(amount: int, noun: str, plural: str = "") -> str:
    """Return `1 step`, `300 steps`."""
    return f"{number(amount)} {noun if amount == 1 else plural or noun + 's'}"


def steps_taken(record: Record) -> str:
    """Return `40 steps`; `at least 40 steps` of a run whose last ones may not have been heard of."""
    is_sure = record.ending is not None and record.ending.is_told
    return ("" if is_sure else "at least ") + count(record.steps, "step")


def passed_on(script: str, ending: Ending) -> str:
    """Return whose the exit status is, of a command that ends with the script's."""
    is_silent = ending.reason == "failed" and not ending.error.strip()
    silent = f"; it says nothing on standard error: python {script} shows what it prints" if is_silent else ""
    how = " (it was killed)" if ending.reason == "killed" else ""
    return f"{script} has ended with exit status {ending.status}{how}, which is passed on{silent}"


def one_line(text: str, limit: int = 0) -> str:
    """Return text on one line without secrets or control characters, cut to `limit` characters where one is given."""
    cleaned = clean(CONTROL_SEQUENCE.sub("", text))
    kept = "".join(" " if _unprintable(character) else character for character in cleaned)
    line = " ".join(kept.split())
    if not limit or len(line) <= limit:
        return line
    cut = line[:limit]  # at the end of a word: half a number is another number
    whole = cut.rpartition(" ")[0] if " " in cut[limit // 2 :] else cut[:-1]
    return whole.rstrip(" ,;:→") + "…"


def listed(names: Sequence[str], limit: int) -> str:
    """Return the names one after another, as many as `limit` characters hold, and how many more there are."""
    shown = list(names)
    while len(shown) > 1 and len(", ".join(shown)) > limit:
        shown.pop()
    left = len(names) - len(shown)
    return one_line(", ".join(shown)) + (f" and {number(left)} more" if left else "")


def _unprintable(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs") or character in BIDIRECTIONAL


def sentence(text: str) -> str:
    """Return text that begins with a capital, unless it begins with a name, and ends with a stop."""
    line = one_line(text)
    first = line.partition(" ")[0].rstrip(",;:")
    if first == "a" or first.isalpha() and first[1:2].islower():
        line = line[:1].upper() + line[1:]
    return line if not line or line[-1] in ".!?…" else line + "."


def root_of(case: Case) -> Path:
    """Return the script's working directory, as far as the case knows it; else our own."""
    return Path(case.record.root) if case.record.root else Path.cwd()


def relative(file: str, root: Path) -> str:
    """Return a path as seen from `root`; unchanged when it lies elsewhere."""
    path = Path(file)
    return str(path.relative_to(root)) if path.is_relative_to(root) else file


def place(site: Site | None, module: str, root: Path) -> str:
    """Return `train.py:14`, `train.ipynb, cell 3, line 4`, or the module's name where no line is known."""
    if site is None:
        return one_line(module)
    cell, line = cell_and_line(site)
    file = relative(site.file, root)
    return one_line(f"{file}, cell {cell}, line {line}" if cell else f"{file}:{line}")


def home(symptom: Symptom) -> Path:
    """Return the folder of the file that a symptom comes from; the working directory where that is not known."""
    return Path(symptom.where.file).parent if symptom.where else Path.cwd()


def told(symptom: Symptom, root: Path) -> str:
    """Return what is wrong in one sentence, with the place that it comes from where that is known."""
    where = f" ({place(symptom.where, '', root)})" if symptom.where else ""
    return one_line(symptom.sentence + where)


def cell_and_line(site: Site) -> tuple[int | None, int]:
    """Return the code cell of a notebook that a site is in, and the line there; no cell in any other file."""
    if not is_notebook(Path(site.file)):
        return None, site.line
    try:
        return cell_of(read_source(Path(site.file)), site.line)
    except (OSError, UsageError):  # it is gone, or another one
        return None, site.line


def plain_name(identifier: str) -> str:
    """Return `gradient_norm` as `gradient norm`."""
    return one_line(PLAIN.get(identifier, identifier).replace("_", " "))
