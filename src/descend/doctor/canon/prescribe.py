"""From what is wrong to what may help: the rows of the table that fit, each with its dose."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from pathlib import Path

from descend.doctor.canon import CANON, GENERAL, SEARCHES, Row
from descend.doctor.canon.phrases import ADAM_AT, ADAM_COST, TO
from descend.doctor.canon.suggestible import NAMES
from descend.doctor.course.acting_rate import acting_rate
from descend.doctor.course.opponents import has_exploded
from descend.doctor.course.own_metric import is_told_by_loss, own_metric
from descend.doctor.course.suffering import suffers
from descend.doctor.course.yardstick import yardstick_place
from descend.doctor.doses import Dose, adam_for_few_steps
from descend.doctor.doses.rounded import one_digit
from descend.doctor.record import Record, facts
from descend.doctor.record.facts.typed import KINDS
from descend.doctor.remedies import (
    REMEDIES,
    SETS_LEARNING_RATE,
    Change,
    JudgedOn,
    Key,
    NotApplicable,
    Prescription,
    remade_by,
)
from descend.doctor.script.script import Script
from descend.doctor.source.exact import BEHIND_THE_NETWORK, GIVEN
from descend.doctor.source.imports import without_idle
from descend.doctor.source.unread import without_unread
from descend.doctor.symptoms import Symptom, causes
from descend.ground.errors import UsageError

COULD_BE_BETTER = GENERAL.union(NAMES)  # of a run that does what it is asked, and fairly well: only much is a finding
NO_SIGNAL = "no_signal"
SETS_THE_STEP = SETS_LEARNING_RATE | {"optimizer_argument"}


def prescribe(record: Record, symptoms: list[Symptom], named: Sequence[Symptom] = ()) -> list[Prescription]:
    """Return what may help, in the order of the symptoms and of the table; the same change only once.

    named: what else is known of the run: an edit in the line of a fact among them mends that fact.
    """
    is_noise = any(s.id == NO_SIGNAL for s in (causes(list(named)) if named else symptoms))
    certain = {(s.where.file, s.where.line) for s in named if s.certain and s.where}
    found: dict[Key, Prescription] = {}
    for symptom in symptoms:
        for row in CANON[symptom.id].rows:
            if (dose := row.dose(record, symptom)) is not None:
                if "kind" in dose and row.judged_on == "metric" and not _is_judged_apart(record, dose):
                    continue  # it could make the number that judges it any number
                known = _prescription(row, record, symptom, dose)
                if known.times == 1 and not row.restart and (old := _rate(record, symptom, dose)):
                    at_rate = partial(_at_rate, row, record, symptom, dose, old)
                    known = replace(known, at_rate=at_rate, tunes=symptom.kind != "wiring")
                    has_a_rule = not known.tunes or bool(SETS_THE_STEP.intersection(row.remedies))
                    if not has_a_rule and (usual := adam_for_few_steps(record, symptom)):
                        known = replace(known, with_adam=partial(_with_adam, row, record, symptom, dose, usual))
                site = record.site(*known.at) if known.at else None
                mends = site is not None and (site.file, site.line) in certain
                may_memorise = is_noise and not _may_restore_signal(symptom)
                known = replace(known, of_fact=known.of_fact or mends, may_memorise=may_memorise)
                found.setdefault(known.key, known)
    return list(found.values())


def _may_restore_signal(symptom: Symptom) -> bool:
    """Whether a problem may hide what the inputs say of the targets, or an edit of a place on their path may."""
    return NO_SIGNAL in CANON[symptom.id].consequences or symptom.id in SEARCHES[0]


def _is_judged_apart(record: Record, dose: Dose) -> bool:
    """Whether what judges an edit of a place is made elsewhere: of other data, or in a pass of its own.

    What the network is given shows in all that it says; what the loss is given, or made of, shows in errors alone.
    """
    metric = own_metric(record)
    if metric is None:
        return is_told_by_loss(record)
    is_apart = metric.is_held_out is True or bool(record.every_site("evaluation") or record.places("evaluation_loss"))
    if dose["kind"] in GIVEN and dose.get("feeds", True):
        return is_apart
    return is_apart or dose["kind"] not in (*GIVEN, *BEHIND_THE_NETWORK) or metric.kind != "error"


def in_turn(each: Sequence[Sequence[Prescription]], record: Record) -> list[Prescription]:
    """Return the first of each, then the second of each: of few that are tried none has them all.

    Nor has a line: of one list the first edit of each comes before the second of any, which asks no more than whether
    something is wrong there.
    """
    found: dict[Key, Prescription] = {}
    spread = [_line_by_line(prescriptions, record) for prescriptions in each]
    for prescription in (p for same_rank in zip_longest(*spread) for p in same_rank if p is not None):
        found.setdefault(prescription.key, prescription)
    return list(found.values())


def _line_by_line(prescriptions: Sequence[Prescription], record: Record) -> list[Prescription]:
    edits: dict[tuple[str, int], int] = {}
    ranked: list[tuple[int, Prescription]] = []
    for prescription in prescriptions:
        site = record.site(*prescription.at) if prescription.at else None
        line = (site.file, site.line) if site else ("", len(ranked))
        edits[line] = rank = edits.get(line, -1) + 1
        ranked.append((rank, prescription))
    return [prescription for _, prescription in sorted(ranked, key=lambda pair: pair[0])]


def possible(prescriptions: Sequence[Prescription], script: Script, most: int) -> list[Prescription]:
    """Return the first so many that make another script than those before them."""
    texts: list[Mapping[Path, str]] = []
    found: list[Prescription] = []
    for prescription in prescriptions:
        edited = prescription.apply(script) if len(found) < most else None
        if isinstance(edited, Script) and edited.edits not in texts:
            texts.append(edited.edits)
            found.append(prescription)
    return found


def _prescription(row: Row, record: Record, symptom: Symptom, dose: Dose) -> Prescription:
    judged_on, metric = _judged_on(row, record), own_metric(record)
    if judged_on == "metric" and metric is not None and metric.kind == "error":
        dose = {**dose, "is_judged_by_error": True}
    if judged_on == "metric" and metric is not None and metric.may_be_likelihood:
        dose = {**dose, "is_judged_by_likelihood": True}
    return Prescription(
        symptom=symptom.id,
        changes=tuple(Change(remedy, partial(_edited, remedy, record, dose), dose) for remedy in row.remedies),
        label=row.label.format(**dose),
        cost=row.cost,
        decides=row.decides,
        times=max(1, int(dose.get("times", 1))),
        judged_on=judged_on,
        of_fact=symptom.certain,
        flatters=CANON[symptom.id].flatters,
        of_search=symptom.id in GENERAL,
        optimizer=str(dose.get("optimizer", "")),
        smaller_batch=float(dose.get("smaller", 1.0)),
        restart=row.restart,
        redraws=row.redraws,
        gives_up=row.gives_up,
        adds_parameters=row.adds_parameters,
        remakes=_remade(row, record, dose),
        much=row.much or symptom.id in COULD_BE_BETTER and not suffers(record),
        at=(dose["kind"], dose["place"]) if "kind" in dose and "place" in dose else None,
    )


def _remade(row: Row, record: Record, dose: Dose) -> frozenset[facts.Remade]:
    """Return what the remedies make otherwise by design, and what any edit of their places does."""
    kind = KINDS.get(dose.get("kind", ""))
    places = dose.get("places", [dose.get("place", "")])
    found: list[object] = [record.fact(kind, place) for place in places] if kind is not None else []
    edited = [known.remakes for known in found if isinstance(known, facts.Editable)]
    return frozenset().union(*map(remade_by, row.remedies), *edited)


def _judged_on(row: Row, record: Record) -> JudgedOn:
    """Return what a remedy is judged on: what its row says, or what the script says itself where no loss can tell."""
    if row.judged_on not in ("fixed", "spread", "metric"):
        return row.judged_on
    by_loss = "fixed" if row.judged_on == "metric" else row.judged_on
    if row.judged_on != "metric" and (is_told_by_loss(record) or has_exploded(record)):
        return by_loss
    if own_metric(record) is not None:
        return "metric"
    return "training" if row.leaves_loss and not yardstick_place(record) else by_loss


def _rate(record: Record, symptom: Symptom, dose: Dose) -> float:
    """Return the learning rate that a run with the dose has: that of the dose, or the optimizer's as it is."""
    return float(dose.get("lr") or acting_rate(record, dose.get("optimizer", symptom.optimizer)))


def _at_rate(row: Row, record: Record, symptom: Symptom, dose: Dose, rate: float, factor: float) -> Prescription:
    """Return the prescription at `factor` times the learning rate that it leaves; one more number to change."""
    lr = one_digit(factor * rate)
    if "lr" in dose:
        return _prescription(row, record, symptom, {**dose, "lr": lr})
    further = {"optimizer": symptom.optimizer, **dose, "lr": lr}
    known = _prescription(row, record, symptom, dose)
    return _with(known, "learning_rate", record, further, TO.format(old=rate, lr=lr), 1)


def _with_adam(row: Row, record: Record, symptom: Symptom, dose: Dose, usual: Dose, factor: float) -> Prescription:
    """Return the prescription together with Adam at `factor` times its usual rate."""
    rule = {**usual, "lr": one_digit(factor * usual["lr"])}
    known = _prescription(row, record, symptom, dose)
    return _with(known, "adaptive_rule", record, {**dose, **rule}, ADAM_AT.format(**rule), ADAM_COST)


def _with(known: Prescription, remedy: str, record: Record, dose: Dose, words: str, cost: int) -> Prescription:
    """Return the prescription with another remedy behind its own; `dose` is that of both."""
    remedies = (*known.remedies, remedy)
    changes = tuple(Change(each, partial(_edited, each, record, dose), dose) for each in remedies)
    return replace(known, changes=changes, label=f"{known.label}, {words}", cost=known.cost + cost)


def _edited(remedy: str, record: Record, dose: Dose, script: Script) -> Script | NotApplicable:
    try:
        edited = REMEDIES[remedy](script, record, dose)
        return edited if isinstance(edited, NotApplicable) else _tidied(script, edited)
    except (OSError, UsageError):  # a file that cannot be read is no mistake of ours
        raise
    except Exception as error:  # one edit that fails on an unusual script must not take the others with it
        return NotApplicable(f"a mistake in descend: the edit {remedy} ended with {type(error).__name__}: {error}")


def _tidied(before: Script, after: Script) -> Script:
    """Return an edited script without what the edit leaves unread: imports, and settings and functions of the script.

    What a module defines other files may read.
    """
    for file, text in after.edits.items():
        if text != before.edits.get(file) and (old := before.read(file)) != text:
            text = without_unread(file, old, text) if file == before.path else text
            after = after.edit(file, without_idle(file, old, text))
    return after
