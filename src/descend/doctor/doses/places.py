"""Where a general edit is made: the call or statement that an instrument points at."""

from collections.abc import Callable
from dataclasses import asdict

from descend.doctor.doses.rate import Dose
from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Edit, Editable
from descend.doctor.symptoms import Symptom


def alteration(number: int) -> Callable[[Record, Symptom], Dose | None]:
    """Return the dose of leaving out the statement of that number that changes gradients or parameters."""

    def dose(record: Record, symptom: Symptom) -> Dose | None:
        kinds = ("altered_gradient", "altered_parameters", "altered_state")
        sites = [site for kind in kinds for site in record.every_site(kind)]
        by_line = list({(site.file, site.line): site for site in sites}.values())
        if number >= len(by_line):
            return None
        return {"kind": by_line[number].kind, "place": by_line[number].key, "line": by_line[number].line}

    return dose


def on_the_way(kind: type[Editable], edit: str, number: int) -> Callable[[Record, Symptom], Dose | None]:
    """Return the dose of an edit of a place on the way: of those that allow it the one of that number."""

    def dose(record: Record, symptom: Symptom) -> Dose | None:
        fitting = _fitting(record, kind, edit)
        if number >= len(fitting):
            return None
        place, found = fitting[number]
        told = {name: value for name, value in asdict(found).items() if name != "edit" and value is not None}
        first = (found.argument or 0) if isinstance(found, Edit) else 0
        both = f"{first + 1} and {first + 2}"
        return {"kind": facts.name_of(kind), "place": place, "both": both, **told}

    return dose


CONVENTIONS = {(0, 1): ("1 - {name}", "2 * {name} - 1"), (-1, 1): ("-{name}", "({name} + 1) / 2")}


def other_convention(number: int) -> Callable[[Record, Symptom], Dose | None]:
    """Return the dose of that number of labels of two values: the other one for each, or another pair of them.

    Not where torch computes the loss: what its losses mean by labels is known.
    """

    def dose(record: Record, symptom: Symptom) -> Dose | None:
        given = record.fact(facts.LossInput)
        if given is not None and not given.by_hand:
            return None
        labels = record.every(facts.TwoValued).items()
        ways = [(name, way) for name, pair in labels for way in CONVENTIONS[pair.low, pair.high]]
        if number >= len(ways):
            return None
        name, way = ways[number]
        return {"name": name, "expression": way.format(name=name)}

    return dose


def all_on_the_way(kind: type[Editable], edit: str) -> Callable[[Record, Symptom], Dose | None]:
    """Return the dose of that edit of every call of a kind; None where there is one alone: it is tried by itself."""

    def dose(record: Record, symptom: Symptom) -> Dose | None:
        fitting = _fitting(record, kind, edit)
        if len(fitting) < 2:
            return None
        lines = ", ".join(map(str, sorted({found.line for _, found in fitting})))
        return {"kind": facts.name_of(kind), "places": [place for place, _ in fitting], "lines": lines}

    return dose


def _fitting(record: Record, kind: type[Editable], edit: str) -> list[tuple[str, Editable]]:
    """Return the places of a kind that allow an edit, with what is known of them."""
    return [(place, found) for place, found in record.every(kind).items() if found.edit == edit]
