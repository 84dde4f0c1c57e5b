"""Frozen or detached: no gradient reaches these parameters, and they still have their random initial values."""

from descend.doctor.course.first_steps import without_gradients
from descend.doctor.course.suffering import may_be_poor
from descend.doctor.record import Record, Site, facts
from descend.doctor.symptoms.sign import EARLY, FRESH, Ruin, Sign, optimizer_name

SOURCE = "torch.Tensor.detach and requires_grad: what is cut from the graph is not trained"


def frozen_or_detached(record: Record) -> Sign | None:
    """Report weights with random initial values that receive no gradient: all, those before a cut, or frozen ones."""
    return _nothing_learns(record) or _constant_term(record) or _cut(record) or _unreached(record) or _frozen(record)


def _nothing_learns(record: Record) -> Sign | None:
    for key in record.every(facts.Wiring):
        seen = without_gradients(record, key)
        is_fed = any(wiring.is_fed for wiring in seen)
        if len(seen) < EARLY or any(wiring.unheld_count for wiring in seen) or not is_fed:
            continue
        sentence = (
            f"none of the {seen[-1].held} parameters of {optimizer_name(record, key)} receives a gradient in the first "
            f"{len(seen)} steps: the autograd graph from the loss does not reach them"
        )
        where = record.site("backward") if len(record.every(facts.Optimizer)) == 1 else record.site("optimizer", key)
        return _symptom(sentence, ("parameters with a gradient", 0.0), record.site("detach") or where, key)
    return None


def _constant_term(record: Record) -> Sign | None:
    term = record.fact(facts.ConstantTerm)
    if term is None:
        return None
    is_whole = term.is_whole  # else a trial has to decide: it may be held on purpose
    what = "a loss term uses" if is_whole else "the loss uses some"
    sentence = (
        f"{what} derivatives from torch.autograd.grad without create_graph=True. They depend on the parameters, but "
        "pass no gradient back to them, so they act as constants"
    )
    return _symptom(sentence, ("terms without a gradient", 1.0), record.site("derivative"), certain=is_whole)


def _cut(record: Record) -> Sign | None:
    found = record.fact(facts.Connections)
    if found is None or not found.cut_count or len(record.every(facts.Optimizer)) > 1 or found.cut_share_fresh < FRESH:
        return None
    share = found.cut_numel / max(1, found.used)
    sentence = (
        f"{found.cut_count} parameters that the loss depends on ({', '.join(found.cut[:3])}) receive no gradient: "
        f"their output is detached from the autograd graph. {share:.0%} of the network keeps its random initial values"
    )
    where = record.site("detach") or record.site("backward")
    # Under no_grad() it may be a teacher or a random projection on purpose, so a trial has to decide.
    return _symptom(
        sentence, ("share of parameters without a gradient", share), where, certain=not found.cut_on_purpose
    )


def _unreached(record: Record) -> Sign | None:
    """Report weights that are used but receive no gradient, because a NumPy array or a number cuts the graph."""
    if len(record.every(facts.Optimizer)) > 1:
        return None
    seen = [set(wiring.fact.unreached) for wiring in record.history(facts.Wiring, "0")]
    names = sorted(set.intersection(*seen)) if len(seen) >= EARLY else []
    if not names:
        return None
    sentence = (
        f"{', '.join(names[:3])} {'is' if len(names) == 1 else 'are'} used and held by the optimizer, but received no "
        f"gradient in the first {len(seen)} steps: their output is detached from the autograd graph before the loss"
    )
    where = record.site("detach") or record.site("model")
    return _symptom(sentence, ("weights in use without a gradient", float(len(names))), where)


def _frozen(record: Record) -> Sign | None:
    found = record.fact(facts.Connections)
    if found is None or not found.frozen_count or found.frozen_share_fresh < FRESH or not may_be_poor(record):
        return None
    share = found.frozen_numel / max(1, found.used)
    sentence = (
        f"{found.frozen_count} parameters are frozen ({', '.join(found.frozen[:3])}) at their random initial values: "
        f"{share:.0%} of the network never learns"
    )
    return _symptom(sentence, ("share of parameters frozen", share), record.site("model"), certain=False)


def _symptom(
    sentence: str, number: tuple[str, float], where: Site | None, key: str = "0", certain: bool = True
) -> Sign:
    return Ruin(
        certain=certain,
        likely=True,
        sentence=sentence,
        quantity=number[0],
        value=number[1],
        bound=0.0,
        source=SOURCE,
        where=where,
        optimizer=key,
        evidence=(("loss", key),),
    )
