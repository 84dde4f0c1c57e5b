"""Frozen or detached: parameters in use that no gradient reaches, though they are still as they were drawn."""

from descend.doctor.course.first_steps import without_gradients
from descend.doctor.course.suffering import may_be_poor
from descend.doctor.record import Record, Site, facts
from descend.doctor.symptoms.sign import EARLY, FRESH, Ruin, Sign, optimizer_name

SOURCE = "torch.Tensor.detach and requires_grad: what is cut from the graph is not trained"


def frozen_or_detached(record: Record) -> Sign | None:
    """No gradient at all, a graph cut before fresh weights, or fresh weights that are frozen."""
    return _nothing_learns(record) or _constant_term(record) or _cut(record) or _unreached(record) or _frozen(record)


def _nothing_learns(record: Record) -> Sign | None:
    for key in record.every(facts.Wiring):
        seen = without_gradients(record, key)
        is_fed = any(wiring.is_fed for wiring in seen)
        if len(seen) < EARLY or any(wiring.unheld_count for wiring in seen) or not is_fed:
            continue
        sentence = (
            f"none of the {seen[-1].held} parameters of {optimizer_name(record, key)} gets a gradient in the first "
            f"{len(seen)} steps: the loss that goes backward is cut off from them"
        )
        where = record.site("backward") if len(record.every(facts.Optimizer)) == 1 else record.site("optimizer", key)
        return _symptom(sentence, ("parameters with a gradient", 0.0), record.site("detach") or where, key)
    return None


def _constant_term(record: Record) -> Sign | None:
    term = record.fact(facts.ConstantTerm)
    if term is None:
        return None
    is_whole = term.is_whole  # else a trial has to decide: it may be held on purpose
    what = "a term of the loss is made of derivatives" if is_whole else "the loss is made of derivatives, and of some"
    sentence = (
        f"{what} that torch.autograd.grad gave without their graph: what comes of these depends on the parameters, and "
        "passes no gradient back to them, like a constant"
    )
    return _symptom(sentence, ("terms without a gradient", 1.0), record.site("derivative"), certain=is_whole)


def _cut(record: Record) -> Sign | None:
    found = record.fact(facts.Connections)
    if found is None or not found.cut_count or len(record.every(facts.Optimizer)) > 1 or found.cut_share_fresh < FRESH:
        return None
    share = found.cut_numel / max(1, found.used)
    sentence = (
        f"{found.cut_count} parameters that the loss depends on ({', '.join(found.cut[:3])}) get no gradient: the "
        f"graph is cut behind them, and {share:.0%} of the network stays as it was drawn"
    )
    where = record.site("detach") or record.site("backward")
    # under no_grad() it may be a teacher, or a random projection: a trial has to decide
    return _symptom(
        sentence, ("share of parameters without a gradient", share), where, certain=not found.cut_on_purpose
    )


def _unreached(record: Record) -> Sign | None:
    """Weights in use that no gradient reaches, behind a cut that is no call of torch: NumPy, a number."""
    if len(record.every(facts.Optimizer)) > 1:
        return None
    seen = [set(wiring.fact.unreached) for wiring in record.history(facts.Wiring, "0")]
    names = sorted(set.intersection(*seen)) if len(seen) >= EARLY else []
    if not names:
        return None
    sentence = (
        f"{', '.join(names[:3])} {'is' if len(names) == 1 else 'are'} used and given to the optimizer, and in each of "
        f"the first {len(seen)} steps no gradient got there: on the way to the loss their result leaves the graph"
    )
    where = record.site("detach") or record.site("model")
    return _symptom(sentence, ("weights in use without a gradient", float(len(names))), where)


def _frozen(record: Record) -> Sign | None:
    found = record.fact(facts.Connections)
    if found is None or not found.frozen_count or found.frozen_share_fresh < FRESH or not may_be_poor(record):
        return None
    share = found.frozen_numel / max(1, found.used)
    sentence = (
        f"{found.frozen_count} parameters are frozen ({', '.join(found.frozen[:3])}) and still as they were "
        f"drawn: {share:.0%} of the network stays random"
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
