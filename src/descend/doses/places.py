"""Where a general edit is made: the call or statement that an instrument points at."""

from collections.abc import Callable
from typing import Any

from descend.doses.rate import Dose
from descend.record import Record, facts
from descend.symptoms import Symptom


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


def on_the_way(kind: str, edit: str, number: int) -> Callable[[Record, Symptom], Dose | None]:
    """Return the dose of an edit of a call on the way: of those that allow it the one of that number.

    kind: `on_inputs`, `on_fetched`, `on_evaluated`, `on_network` or `on_loss`. edit: `skip`, `turn` or `exchange`.
    """

    def dose(record: Record, symptom: Symptom) -> Dose | None:
        fitting = _fitting(record, kind, edit)
        if number >= len(fitting):
            return None
        place, fact = fitting[number]
        first = int(fact.get("argument", 0))
        both = f"{first + 1} and {first + 2}"
        return {"kind": kind, "place": place, "both": both, **{name: fact[name] for name in fact if name != "edit"}}

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
        labels = [(name, record.fact("two_valued", name) or {}) for name in record.places("two_valued")]
        ways = [(name, way) for name, fact in labels for way in CONVENTIONS[fact["low"], fact["high"]]]
        if number >= len(ways):
            return None
        name, way = ways[number]
        return {"name": name, "expression": way.format(name=name)}

    return dose


def all_on_the_way(kind: str, edit: str) -> Callable[[Record, Symptom], Dose | None]:
    """Return the dose of that edit of every call of a kind; None where there is one alone: it is tried by itself."""

    def dose(record: Record, symptom: Symptom) -> Dose | None:
        fitting = _fitting(record, kind, edit)
        lines = sorted({int(fact["line"]) for _, fact in fitting})
        if len(fitting) < 2:
            return None
        return {"kind": kind, "places": [place for place, _ in fitting], "lines": ", ".join(map(str, lines))}

    return dose


def _fitting(record: Record, kind: str, edit: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the places of a kind that allow an edit, with what is known of them."""
    known = [(place, record.fact(kind, place) or {}) for place in record.places(kind)]
    return [(place, fact) for place, fact in known if fact.get("edit") == edit]
