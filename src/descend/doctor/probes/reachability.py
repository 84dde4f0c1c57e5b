"""Reachability: which call keeps the loss up, whatever what stands before it may say.

Cut behind a call, what is alive there is freed and the loss minimised over it: its floor. Floors can only rise from
the loss back to the input, since what a call makes is a part of what could be there. The call across which they rise
bars the way. What a constant costs is the most that they are compared with, the least is the floor where the loss
takes over.
"""

from descend.doctor.probes.floors.floors import Floors
from descend.doctor.probes.snapshot import Measurement, Snapshot, chosen_at
from descend.doctor.record import Fact, facts


def reachability(snapshot: Snapshot) -> Measurement:
    """Yield the fact `reachability`, a fact `floor` for each cut, and `crossing` where a call bars the way.

    Floors are numbered from the input on. Of a loss that the steps go up they are those of minus the loss, unless
    that has no least value and the loss has one: then it is a cost. Raises `Unavailable`.
    """
    recordings = snapshot.recordings()
    floors = Floors(recordings)
    if snapshot.climbs:
        objective = Floors([recording.turned() for recording in recordings])
        of_cost = floors.of_constants.is_bounded and not objective.of_constants.is_bounded
        floors = floors if of_cost else objective
        yield Fact.of(facts.Climb(of_cost), snapshot.step)
    constant, output = floors.of_constants, floors.ops[floors.output]
    whole = facts.Reachability(
        cost=floors.cost,
        constant=constant.value,
        unbounded=not constant.is_bounded,
        is_compared=floors.meeting is not None,
        examples=floors.examples,
    )
    yield Fact.of(whole, snapshot.step)
    snapshot.note_site("output", "", output.site, output.name)
    if not constant.is_bounded or floors.floor_after(floors.output) is None:
        return
    floors.head()
    if floors.is_poor:
        floors.network()
    for place, (index, value) in enumerate(floors.falling()):
        site, name = chosen_at(snapshot, floors.ops[index])
        snapshot.note_site("floor", str(place), site, name.strip("_"))
        floor = facts.Floor(name.strip("_"), value, is_output=index == floors.output)
        yield Fact.of(floor, snapshot.step, str(place))
    yield from _crossing(snapshot, floors)


def _crossing(snapshot: Snapshot, floors: Floors) -> Measurement:
    """Yield the call that keeps up most of what a constant leaves."""
    found = floors.crossing()
    if found is None:
        return
    before, behind = found
    op = floors.ops[behind]
    site, name = chosen_at(snapshot, op)
    snapshot.note_site("crossing", "0", site, name.strip("_"))
    known = dict(floors.falling())
    crossing = facts.Crossing(
        function=name.strip("_"),
        line=site.line if site else 0,
        before=known[before],
        behind=known[behind],
        constant=floors.of_constants.value,
        in_head=behind > floors.output,
        has_parameters=floors.has_parameters(op),
        edit="skip" if floors.can_be_skipped(op) else "",
    )
    yield Fact.of(crossing, snapshot.step, "0")
