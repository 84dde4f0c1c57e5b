"""Clipping too hard: the clip threshold sets the length of every step, not the learning rate."""

from statistics import median

from descend.doctor.course.progress import HARDLY_LEARNT, cost_left, loss_left_message
from descend.doctor.course.stability import PRECONDITIONED, is_of
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Pascanu et al. 2013, §3.2: clipping is for the rare step at a cliff, at about the norms that are usual"
MOST = Bound(0.9, "of the steps that are cut", "chosen: clipping is for the rare step (Pascanu et al. 2013, §3.2)")
SHARE = Bound(0.1, "of the usual gradient norm", "chosen: at a tenth a step is ten times shorter than its rate says")


def clipping_too_hard(record: Record) -> Sign | None:
    """Nearly every gradient is cut to less than a tenth of its norm, and most of the cost is left."""
    clip, norms = record.fact(facts.Clip), record.series("clipped_norm").finite().values
    adaptive = is_of(record, "0", PRECONDITIONED)  # it scales what it is given
    if (
        adaptive
        or clip is None
        or clip.function != "clip_grad_norm_"
        or not norms
        or not cost_left(record) > HARDLY_LEARNT
    ):
        return None
    limit, usual = clip.limit, median(norms)
    cut = sum(norm > limit for norm in norms) / len(norms)
    if cut < MOST or not limit < SHARE * usual:
        return None
    return Sign(
        certain=False,
        likely=True,
        sentence=f"{cut:.0%} of the gradients are clipped to {limit:.3g}, their usual norm is {usual:.3g}: the steps "
        f"are {usual / limit if limit else float('inf'):.0f} times shorter than the learning rate says, and "
        f"{loss_left_message(record)}",
        quantity="clipping threshold / usual gradient norm",
        value=limit / usual,
        bound=SHARE,
        source=SOURCE,
        where=record.site("clip"),
        evidence=(("loss", "0"), ("clipped_norm", "")),
    )
