"""Arguments of remedies that edit or remove a recorded call or statement."""

from collections.abc import Callable
from dataclasses import asdict
from typing import cast

from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.record.facts import Edit, Editable
from descend.doctor.remedy_arguments.values import Values


def altering_statement(number: int) -> Callable[[Record, Symptom], Values | None]:
    """Return a function that selects a statement to remove: one that changes gradients or parameters.

    `number` counts the lines of such statements, from 0.
    """

    def choose_statement(record: Record, symptom: Symptom) -> Values | None:
        """Return the source line of a statement that changes gradients or parameters; None if there are no more."""
        kinds = (SiteKind.ALTERED_GRADIENT, SiteKind.ALTERED_PARAMETERS, SiteKind.ALTERED_STATE)
        sites = [site for kind in kinds for site in record.every_site(kind)]
        by_line = list({(site.file, site.line): site for site in sites}.values())
        if number >= len(by_line):
            return None
        return {"kind": by_line[number].kind, "place": by_line[number].key, "line": by_line[number].line}

    return choose_statement


def edit_of_site(kind: type[Editable], edit: str, number: int) -> Callable[[Record, Symptom], Values | None]:
    """Return a function that selects one call or statement of a given kind to which an edit can be applied.

    number: index among those calls or statements.
    """

    def choose_site(record: Record, symptom: Symptom) -> Values | None:
        """Return a call or statement to edit and the new values in it; None if there are no more of this kind."""
        fitting = _editable_sites(record, kind, edit)
        if number >= len(fitting):
            return None
        place, found = fitting[number]
        known = {name: value for name, value in asdict(found).items() if name != "edit" and value is not None}
        first = (found.argument or 0) if isinstance(found, Edit) else 0
        both = f"{first + 1} and {first + 2}"
        values: Values = {"kind": facts.name_of(kind), "place": place, "both": both}
        return cast(Values, {**values, **known})

    return choose_site


CONVENTIONS = {(0, 1): ("1 - {name}", "2 * {name} - 1"), (-1, 1): ("-{name}", "({name} + 1) / 2")}


def other_label_convention(number: int) -> Callable[[Record, Symptom], Values | None]:
    """Return a function that selects a conversion of binary labels, such as from 0 and 1 to −1 and 1, or a swap.

    Each variable that holds binary labels has several conversions; `number` is the position in the list of all of
    them, from 0. The function returns None if torch computes the loss, because the meaning of the labels is then known.
    """

    def choose_labels(record: Record, symptom: Symptom) -> Values | None:
        """Return a variable that holds binary labels, and an expression for other values; None if there are no more."""
        given = record.fact(facts.LossInput)
        if given is not None and not given.by_hand:
            return None
        labels = record.every(facts.TwoValued).items()
        conventions = [(name, new) for name, pair in labels for new in CONVENTIONS[pair.low, pair.high]]
        if number >= len(conventions):
            return None
        name, new = conventions[number]
        return {"name": name, "expression": new.format(name=name)}

    return choose_labels


def edit_of_all_sites(kind: type[Editable], edit: str) -> Callable[[Record, Symptom], Values | None]:
    """Return a function that selects all calls of one kind to which an edit can be applied, if there are several."""

    def choose_calls(record: Record, symptom: Symptom) -> Values | None:
        """Return all calls to edit and their line numbers in the source; None for a single call."""
        fitting = _editable_sites(record, kind, edit)
        if len(fitting) < 2:
            return None
        lines = ", ".join(map(str, sorted({found.line for _, found in fitting})))
        return {"kind": facts.name_of(kind), "places": [place for place, _ in fitting], "lines": lines}

    return choose_calls


def _editable_sites(record: Record, kind: type[Editable], edit: str) -> list[tuple[str, Editable]]:
    """Return the recorded calls or statements of a given kind to which an edit can be applied, with their keys."""
    return [(place, found) for place, found in record.every(kind).items() if found.edit == edit]
