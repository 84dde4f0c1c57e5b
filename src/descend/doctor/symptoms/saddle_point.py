"""Saddle point: the run starts where the gradient almost vanishes, and needs many steps to leave."""

from math import isfinite

from descend.doctor.course.progress import LEFT_TO_LEARN, cost_left, yardstick_place
from descend.doctor.course.stability import Downwards, bends_downwards
from descend.doctor.record import Record
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound, Count

SOURCE = "Ba, CSC413 lecture 4, Saddle points: slightly to the side of one a run can get unstuck; Dauphin et al. 2014"
GROWS = Bound(30.0, "times the first gradient's norm", "chosen; see the range within which no diagnosis changes")
LINGERS = Bound(
    0.3,
    "of the run in which the cost falls by less than a twentieth",
    "chosen; see the range within which no diagnosis changes",
)
LEFT = Bound(0.95, "of the first cost", "chosen: a fall by a twentieth tells a way down from a plain")
READINGS = Count(3, "readings", "chosen: with two there is a start and an end, and no lingering between them")
RISES = Bound(1.2, "times the first cost", "chosen: a run that has blown up lingers, too")


def saddle_point(record: Record) -> Sign | None:
    """A gradient that starts small and grows many times over, while the cost stays flat for a third of the run."""
    norms = record.series("gradient_norm", "").finite()
    curve = record.series("yardstick", yardstick_place(record)).finite()
    if (
        len(norms) < READINGS
        or not norms.first * GROWS < norms.max
        or len(curve) < READINGS
        or not cost_left(record) > LEFT_TO_LEARN
    ):
        return None
    left_it = next((step for step, value in curve if value <= LEFT * curve.first), record.steps)
    near = [(step, value) for step, value in curve if step < left_it]
    flat = max((step for step, _ in near), default=0)
    grown = norms.max / norms.first if norms.first > 0 else float("inf")
    times = f", {grown:.0f} times as much" if isfinite(grown) else ""
    if flat < LINGERS * record.steps or max(value for _, value in near) > RISES * curve.first:
        return None
    downwards = bends_downwards(record, flat)
    return Sign(
        certain=False,
        sentence=f"the gradient's norm starts at {norms.first:.1e} and grows to {norms.max:.1e}{times} (bound "
        f"{GROWS:g} times), while the cost stays flat for {flat} of {record.steps} steps: so a run leaves the "
        f"neighbourhood of a saddle point{_measured(downwards)}",
        quantity="largest gradient norm / first",
        value=grown,
        bound=GROWS,
        source=SOURCE,
        where=record.site("model") or record.site("optimizer", "0"),
        evidence=(("gradient_norm", ""), ("loss", "0"), *([downwards.series] if downwards else [])),
    )


def _measured(downwards: Downwards | None) -> str:
    if downwards is None:
        return ""
    share = f"{downwards.share:.0%}" if downwards.share >= 0.01 else "less than 1%"
    return (
        f"; at step {downwards.step} the cost is measured to bend downwards along one direction, {share} as much as "
        "it bends along the steepest"
    )
