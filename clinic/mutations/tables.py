"""What came of the mutants, in one table: shares with their intervals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

from scipy.stats import binomtest

from descend.doctor.catalog import GENERAL
from mutations.judged import HALF, MOSTLY
from mutations.mutant import Mutant
from mutations.right import RIGHT, UNDONE
from mutations.sample import FAMILIES_OF, Subject

# Findings that say in which line, and not what: right at the mistake's place.
AT_A_PLACE = GENERAL | {"wrong_step"}
OF_MEANING = frozenset({"inputs", "labels", "losses"})  # families of faults of meaning and data; the others are wiring
HEAD = "| | programs | right first finding | half given back | four fifths | random search: half | four fifths |"
GROUPS = {"no_remedy": "no remedy undoes it", "remedy": "a remedy undoes it", "inverse": "the inverse of a remedy only"}
Row = Mapping[str, Any]
ById = Mapping[str, Row]


def table(half: str, subjects: Mapping[str, Sequence[Subject]], doctor: ById, search: ById) -> str:
    """Return the table of a half in Markdown. doctor, search: their rows by the subject's id."""
    singles, both, benign = ([s for s in subjects[kind] if s.id in doctor] for kind in ("single", "pair", "benign"))
    lines = [
        f"## {half.replace('_', ' ')}: {', '.join(FAMILIES_OF[half])}",
        "",
        HEAD,
        f"|{'---|' * (HEAD.count('|') - 1)}",
    ]
    groups: dict[str, list[Subject]] = {
        **_by_meaning(singles),
        **{family: [s for s in singles if s.mutants[0].family == family] for family in FAMILIES_OF[half]},
        **{words: [s for s in singles if UNDONE[s.mutants[0].operator.name] == name] for name, words in GROUPS.items()},
        "with other names": [s for s in singles if s.is_paraphrased],
        "pairs": both,
    }
    lines += [_line(name, group, doctor, search) for name, group in groups.items() if group]
    if benign:
        cured = sum(bool(doctor[s.id].get("cure")) for s in benign)
        lines += ["", f"Edits without effect: {len(benign)}, {_accused(benign, doctor)} accused, {cured} given a cure."]
    if both:
        of_pairs = share(_names_all(s, doctor[s.id]) for s in both)
        lines += ["", f"Both mistakes of a pair are among the findings: {of_pairs}."]
    if times := _times(singles, doctor):
        lines += ["", f"The doctor takes {times} times as long as the program (median)."]
    return "\n".join([*lines, ""])


def comparison(subjects: Mapping[str, Sequence[Subject]], columns: Mapping[str, ById], search: ById) -> str:
    """Return in Markdown what several versions make of the programs that all of them were consulted on.

    columns: rows of each by the subject's id.
    """
    known = {
        kind: [s for s in some if all(s.id in rows for rows in columns.values())] for kind, some in subjects.items()
    }
    beside = {s.id: search[s.id] for some in known.values() for s in some if s.id in search}

    def of_each(words: str, figure: Callable[[ById], str], luck: str = "–") -> str:
        return f"| {' | '.join([words, *(figure(rows) for rows in columns.values()), luck])} |"

    lines = [f"| | {' | '.join(columns)} | random search |", f"|{'---|' * (len(columns) + 2)}"]
    for name, group in {**_by_meaning(known["single"]), "pairs": known["pair"]}.items():
        searched = [s for s in group if s.id in beside]
        luck = f"{_repaired(searched, beside, HALF)} of {len(searched)}" if searched else "–"
        lines += [
            of_each(f"{name} ({len(group)}): right first finding", partial(_right_first, group)),
            of_each(f"{name}: half given back", partial(_repaired, group, part=HALF), luck),
        ]
    both, benign = known["pair"], known["benign"]
    lines += [
        of_each("pairs: both among the findings", lambda rows: share(_names_all(s, rows[s.id]) for s in both)),
        of_each(f"edits without effect ({len(benign)}): accused", lambda rows: str(_accused(benign, rows))),
        of_each("the doctor's time over the program's, median", partial(_times, known["single"])),
    ]
    return "\n".join([*lines, ""])


def _by_meaning(singles: Sequence[Subject]) -> dict[str, list[Subject]]:
    return {
        "singles": list(singles),
        "of wiring, outputs and numbers": [s for s in singles if s.mutants[0].family not in OF_MEANING],
        "of meaning and data": [s for s in singles if s.mutants[0].family in OF_MEANING],
    }


def _accused(benign: Sequence[Subject], doctor: ById) -> int:
    return sum(bool(doctor[s.id].get("findings")) for s in benign)


def _times(singles: Sequence[Subject], doctor: ById) -> str:
    """Return the median of the doctor's time over the program's; "" where none is known."""
    known = [doctor[s.id] for s in singles]
    times = [row["total_s"] / row["bare_s"] for row in known if row.get("bare_s")]
    return f"{median(times):.1f}" if times else ""


def _right_first(group: Sequence[Subject], doctor: ById) -> str:
    return share(is_right_first(s, doctor[s.id]) for s in group)


def _repaired(group: Sequence[Subject], doctor: ById, part: float) -> str:
    return share(doctor[s.id].get("given_back", 0.0) >= part for s in group)


def is_right(mutant: Mutant, place: frozenset[int], found: Sequence[Any]) -> bool:
    """Whether a finding, its name and line, names a mistake, or is a general one in its place."""
    name, line = found
    return name in RIGHT[mutant.operator.name] or (name in AT_A_PLACE and line in place)


def is_right_first(subject: Subject, row: Row) -> bool:
    """Whether the first finding is right about any of the mistakes."""
    found = row.get("findings") or []
    return bool(found) and any(is_right(m, place, found[0]) for m, place in zip(subject.mutants, subject.places))


def _names_all(subject: Subject, row: Row) -> bool:
    found = row.get("findings") or []
    return all(any(is_right(m, place, f) for f in found) for m, place in zip(subject.mutants, subject.places))


def _line(name: str, group: Sequence[Subject], doctor: ById, search: ById) -> str:
    beside = [s for s in group if s.id in search]
    cells = [
        name,
        str(len(group)),
        _right_first(group, doctor),
        *(_repaired(some, rows, part) for some, rows in ((group, doctor), (beside, search)) for part in (HALF, MOSTLY)),
    ]
    return f"| {' | '.join(cells)} |"


def share(which: Iterable[bool]) -> str:
    """Return a share and its 95 % interval (Wilson)."""
    each = list(which)
    if not each:
        return "–"
    low, high = binomtest(sum(each), len(each)).proportion_ci(method="wilson")
    return f"{sum(each) / len(each):.0%} ({low:.0%}–{high:.0%})"
