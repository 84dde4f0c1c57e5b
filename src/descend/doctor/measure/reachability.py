"""Find the call that keeps the loss high, whatever the earlier layers compute.

The recording is cut after a call, and the loss is minimised over the values at the cut. This minimum is the call's
floor. Floors can only rise from the loss back to the input, because a call's results are a subset of all possible
values. A call across which the floor rises blocks learning. The reference points are the best constant output and the
floor of the output itself.
"""

from descend.doctor.measure.floors.floors import Floors
from descend.doctor.measure.snapshot import Measurement, Snapshot, activation_site
from descend.doctor.record import Fact, SiteKind, facts


def reachability(snapshot: Snapshot) -> Measurement:
    """Yield the lowest possible loss after each examined call, and the call that blocks learning, if there is one.

    Floors are numbered from the input on. For a loss that the steps increase, the negated loss is used, unless only
    the loss itself is bounded below, which makes it a cost. Raises `Unavailable`.
    """
    recordings = snapshot.recordings()
    floors = Floors(recordings, snapshot.has_time)
    if snapshot.climbs:
        objective = Floors([recording.negate() for recording in recordings], snapshot.has_time)
        of_cost = floors.best_constant.is_bounded and not objective.best_constant.is_bounded
        floors = floors if of_cost else objective
        yield Fact.of(facts.IncreasingLoss(of_cost), snapshot.step)
    constant, output = floors.best_constant, floors.ops[floors.output]
    whole = facts.Reachability(
        cost=floors.cost,
        constant=constant.value,
        unbounded=not constant.is_bounded,
        is_compared=floors.target_call is not None,
        examples=floors.examples,
    )
    yield Fact.of(whole, snapshot.step)
    snapshot.note_site(SiteKind.OUTPUT, "", output.site, output.name)
    if not constant.is_bounded or floors.floor_after(floors.output) is None:
        return
    floors.find_head_floors()
    if floors.is_far_from_floor:
        floors.find_network_floors()
    for place, (index, value) in enumerate(floors.known_floors()):
        site, name = activation_site(snapshot, floors.ops[index])
        snapshot.note_site(SiteKind.FLOOR, str(place), site, name.strip("_"))
        floor = facts.Floor(name.strip("_"), value, is_output=index == floors.output)
        yield Fact.of(floor, snapshot.step, str(place))
    yield from _blocking_call(snapshot, floors)


def _blocking_call(snapshot: Snapshot, floors: Floors) -> Measurement:
    """Yield the call that blocks learning: free results before it leave a much higher loss than those after it."""
    found = floors.largest_fall()
    if found is None:
        return
    before, after = found
    op = floors.ops[after]
    site, name = activation_site(snapshot, op)
    snapshot.note_site(SiteKind.CROSSING, "0", site, name.strip("_"))
    known = dict(floors.known_floors())
    crossing = facts.Crossing(
        function=name.strip("_"),
        line=site.line if site else 0,
        before=known[before],
        after=known[after],
        constant=floors.best_constant.value,
        in_head=after > floors.output,
        has_parameters=floors.has_parameters(op),
        edit="skip" if floors.can_be_skipped(op) else "",
    )
    yield Fact.of(crossing, snapshot.step, "0")
