"""What came of the mutants, in one table: shares with their intervals."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from scipy.stats import binomtest

from descend.symptoms import GENERAL
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
    singles, both = ([s for s in subjects[kind] if s.id in doctor] for kind in ("single", "pair"))
    lines = [
        f"## {half.replace('_', ' ')}: {', '.join(FAMILIES_OF[half])}",
        "",
        HEAD,
        f"|{'---|' * (HEAD.count('|') - 1)}",
    ]
    groups: dict[str, list[Subject]] = {
        "singles": singles,
        "of wiring, outputs and numbers": [s for s in singles if s.mutants[0].family not in OF_MEANING],
        "of meaning and data": [s for s in singles if s.mutants[0].family in OF_MEANING],
        **{family: [s for s in singles if s.mutants[0].family == family] for family in FAMILIES_OF[half]},
        **{words: [s for s in singles if UNDONE[s.mutants[0].operator.name] == name] for name, words in GROUPS.items()},
        "with other names": [s for s in singles if s.is_paraphrased],
        "pairs": both,
    }
    lines += [_line(name, group, doctor, search) for name, group in groups.items() if group]
    benign = [doctor[s.id] for s in subjects["benign"] if s.id in doctor]
    if benign:
        accused = sum(bool(row.get("findings")) for row in benign)
        cured = sum(bool(row.get("cure")) for row in benign)
        lines += ["", f"Edits without effect: {len(benign)}, {accused} accused, {cured} given a cure."]
    if both:
        share = _share(_names_all(s, doctor[s.id]) for s in both)
        lines += ["", f"Both mistakes of a pair are among the findings: {share}."]
    known = [doctor[s.id] for s in singles]
    times = [row["total_s"] / row["bare_s"] for row in known if row.get("bare_s")]
    if times:
        lines += ["", f"The doctor takes {median(times):.1f} times as long as the program (median)."]
    return "\n".join([*lines, ""])


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
    rows = [doctor[s.id] for s in group]
    beside = [search[s.id] for s in group if s.id in search]
    cells = [
        name,
        str(len(group)),
        _share(is_right_first(s, row) for s, row in zip(group, rows)),
        *(_share(row.get("given_back", 0.0) >= part for row in rows) for part in (HALF, MOSTLY)),
        *(_share(row.get("given_back", 0.0) >= part for row in beside) for part in (HALF, MOSTLY)),
    ]
    return f"| {' | '.join(cells)} |"


def _share(which: Iterable[bool]) -> str:
    """Return a share and its 95 % interval (Wilson)."""
    each = list(which)
    if not each:
        return "–"
    low, high = binomtest(sum(each), len(each)).proportion_ci(method="wilson")
    return f"{sum(each) / len(each):.0%} ({low:.0%}–{high:.0%})"
