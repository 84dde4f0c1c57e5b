"""Format numbers, durations, places and sentences, in the same way for the terminal and the page."""

import math
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from descend.core.control_characters import BIDIRECTIONAL
from descend.core.errors import UsageError
from descend.core.temporary import is_in_temporary_folder
from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case
from descend.doctor.record import Ending, Record, Site
from descend.doctor.redaction import mask_secrets
from descend.doctor.script.notebook import cell_position, is_notebook
from descend.doctor.script.run_names import EndReason
from descend.doctor.script.script import read_source
from descend.doctor.trials.statistics import NEGLIGIBLE
from descend.doctor.trials.verdicts import Verdict

NO_BREAK_SPACE = "\u00a0"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SMALLEST_PLAIN, LARGEST_PLAIN = 1e-3, 1e6  # Numbers outside this range are written with a power of ten.
PLAIN_NAMES = {
    "own_seconds": "seconds before the backward pass",
    "logged_metric": "logged metric",
    "metric": "evaluation metric",
    "evaluation_metric": "evaluation metric on held-out data",
    "spread_metric": "evaluation metric on later batches",
    "spread_accuracy": "accuracy on later batches",
    "monitored_loss": "loss on fixed examples",
    "duplicate_share": "share of identical units",
    "dead_share": "share of dead units",
    "saturated_share": "share of saturated units",
    Verdict.FAILED: "not judged",
    Verdict.INEFFECTIVE: "no effect",
    Verdict.NO_EFFECT: "too little",
}
# terminal control sequences, for example for colours (ECMA-48, §5.4)
CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
MOST_DECIMALS = 3  # largest number of decimal places of a percentage
ROUNDING = 1e-9  # larger than the rounding error of a percentage, so that 0.57 is 57 % and not 56.99…


def number(value: float) -> str:
    """Return a number as text with three or four significant digits: `1 410`, `0.0831`, `1.2×10⁻⁵`, `NaN`."""
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
    """Return an interval as text, such as `0.078 to 0.091`; "" if both ends are unknown."""
    if not (math.isfinite(low) or math.isfinite(high)):
        return ""
    width = high - low
    if math.isfinite(width) and SMALLEST_PLAIN <= width < 10 and max(abs(low), abs(high)) < 1000:
        decimals = max(0, 1 - math.floor(math.log10(width)))
        return f"{low:.{decimals}f} to {high:.{decimals}f}".replace("-", "−")
    return f"{number(low)} to {number(high)}"


def relative_change(gain: tuple[float, float]) -> str:
    """Return an interval of relative reductions in words: `down 99.1–99.6 %` for 0.991 to 0.996; "" if it is unknown.

    Each end has as many decimals as the remaining share needs. Rounding never makes the reduction look larger.
    """
    low, high = gain
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    if low >= 1 - NEGLIGIBLE - ROUNDING:
        return f"down {percent(1 - NEGLIGIBLE)} or more"
    least, most = (_reduction_in_percent(share, high - low) for share in (low, high))
    if least == most == 0:
        return "unchanged"
    if low * high < 0:
        return f"between {_percentage(-least)} up and {_percentage(most)} down"
    ends = sorted({abs(least), abs(most)})
    word = "up" if min(least, most) < 0 else "down"
    return f"{word} {'–'.join(_percentage(end, unit='') for end in ends)}{NO_BREAK_SPACE}%"


def signed_change(difference: tuple[float, float]) -> str:
    """Return an interval of after/before − 1 as signed percentages, such as `−60 to −40 %`; "" if it is unknown."""
    low, high = difference
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    if -high >= 1 - NEGLIGIBLE - ROUNDING:  # Smaller costs count as equal, so the interval has no width.
        return f"≤ −{percent(1 - NEGLIGIBLE)}"
    ends = [-_reduction_in_percent(-end, high - low) for end in (low, high)]
    signed = [f"{'+' if end > 0 else '−' if end < 0 else ''}{_percentage(abs(end), unit='')}" for end in ends]
    return f"{' to '.join(signed)}{NO_BREAK_SPACE}%"


def _reduction_in_percent(share: float, width: float) -> float:
    """Return a relative reduction in percent, rounded down: 99.6 for 0.996, and −4 for −0.031."""
    narrow = min((value for value in (1 - share, width) if value > 0), default=1.0)
    decimals = min(MOST_DECIMALS, max(0, -math.floor(math.log10(narrow)) - 2))
    return math.floor(100 * share * 10**decimals + ROUNDING) / 10**decimals


def _percentage(size: float, unit: str = f"{NO_BREAK_SPACE}%") -> str:
    """Return a percentage without trailing zeros, such as `99.6 %`."""
    return (number(size) if size >= 1000 else f"{size:.{MOST_DECIMALS}f}".rstrip("0").rstrip(".")) + unit


def percent(share: float, decimals: int = 0) -> str:
    """Return a share as a percentage: `97 %` for 0.97."""
    return f"{100 * share:.{decimals}f}{NO_BREAK_SPACE}%"


def duration(seconds: float) -> str:
    """Return a duration in seconds as text with a unit: `0.4 ms`, `2.1 s`, `31 s`, `2 min 5 s`."""
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
    """Return a number with a noun in the singular or plural: `1 step`, `300 steps`."""
    return f"{number(amount)} {noun if amount == 1 else plural or noun + 's'}"


def steps_taken(record: Record) -> str:
    """Return a run's number of steps as text: `40 steps`, or `at least 40 steps` if the last steps may be missing."""
    is_sure = record.ending is not None and record.ending.is_reported
    return ("" if is_sure else "at least ") + count(record.steps, "step")


def script_exit_message(script: str, ending: Ending, own_status: int) -> str:
    """Return a message with the exit status of a script that failed, and with that of descend, `own_status`."""
    is_silent = ending.reason == EndReason.FAILED and not ending.error.strip()
    silent = f". It printed nothing on standard error. Run python {script} to see its output" if is_silent else ""
    own = "the same status" if own_status == ending.status else f"status {own_status}"
    how = " (killed)" if ending.reason == EndReason.KILLED else ""
    return f"{script} ended with exit status {ending.status}{how}, and descend exits with {own}{silent}"


def one_line(text: str, limit: int = 0) -> str:
    """Return a text on one line, without secrets and control characters, cut to `limit` characters; 0 is no limit."""
    cleaned = mask_secrets(CONTROL_SEQUENCE.sub("", text))
    printable = "".join(" " if _is_unprintable(character) else character for character in cleaned)
    line = " ".join(printable.split())
    if not limit or len(line) <= limit:
        return line
    cut = line[:limit]  # The text is cut between words, because half a number would be a wrong number.
    whole = cut.rpartition(" ")[0] if " " in cut[limit // 2 :] else cut[:-1]
    return whole.rstrip(" ,;:→") + "…"


def join_names(names: Sequence[str], limit: int) -> str:
    """Join names with commas, up to about `limit` characters: `relu, tanh and 3 more`."""
    first_names = list(names)
    while len(first_names) > 1 and len(", ".join(first_names)) > limit:
        first_names.pop()
    left_count = len(names) - len(first_names)
    return one_line(", ".join(first_names)) + (f" and {number(left_count)} more" if left_count else "")


def _is_unprintable(character: str) -> bool:
    """Return whether a character is a control character, a lone surrogate, or one that changes the text direction."""
    return unicodedata.category(character) in ("Cc", "Cs") or character in BIDIRECTIONAL


def sentence(text: str) -> str:
    """Return a text with a full stop and a capital first letter. A name from code at the start is not capitalised."""
    line = one_line(text)
    first = line.partition(" ")[0].rstrip(",;:")
    if first == "a" or first.isalpha() and first[1:2].islower():
        line = line[:1].upper() + line[1:]
    return line if not line or line[-1] in ".!?…" else line + "."


def working_directory(case: Case) -> Path:
    """Return the working directory of the examined script, or the current directory if it was not recorded."""
    return Path(case.record.root) if case.record.root else Path.cwd()


def relative_path(file: str, root: Path) -> str:
    """Return the path of a file relative to the folder `root`, or its unchanged path if it is outside `root`.

    For a script from standard input and for the cells of a notebook, which are in a temporary folder, return the name.
    """
    path = Path(file)
    if is_in_temporary_folder(path):
        return path.name
    return str(path.relative_to(root)) if path.is_relative_to(root) else file


def place(site: Site | None, module: str, root: Path) -> str:
    """Return a source location as text (`train.py:14` or `train.ipynb, cell 3, line 4`) or, without one, the module."""
    if site is None:
        return one_line(module)
    cell, line = cell_and_line(site)
    file = relative_path(site.file, root)
    return one_line(f"{file}, cell {cell}, line {line}" if cell else f"{file}:{line}")


def source_folder(symptom: Symptom) -> Path:
    """Return the folder of the source file that a finding points to, or the current directory without such a file."""
    return Path(symptom.where.file).parent if symptom.where else Path.cwd()


def finding_message(symptom: Symptom, root: Path) -> str:
    """Return a finding as one line: its sentence, its source location if known, and its id in brackets."""
    where = f" ({place(symptom.where, '', root)})" if symptom.where else ""
    return one_line(f"{symptom.sentence}{where} [{symptom.id}]")


def cell_and_line(site: Site) -> tuple[int | None, int]:
    """Return the number of a notebook cell and the line in it; for other files, None and the line in the file."""
    if not is_notebook(Path(site.file)):
        return None, site.line
    try:
        return cell_position(read_source(Path(site.file)), site.line)
    except (OSError, UsageError):  # The notebook was deleted or changed after the run.
        return None, site.line


def plain_name(identifier: str) -> str:
    """Return the words for an identifier in a report: `gradient norm` for `gradient_norm`."""
    return one_line(PLAIN_NAMES.get(identifier, identifier).replace("_", " "))
