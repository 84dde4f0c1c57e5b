"""The properties hold for any results of trials: the runs are made up, and all other code is real."""

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tables import SCRIPT, Table, prescription, proved, record_of
from violations import violations

from descend.doctor.assess.symptom import Symptom
from descend.doctor.findings import build_case
from descend.doctor.record import Fact, Reading, Record, facts
from descend.doctor.remedies import Prescription

EDITS = "pqrs"  # One letter for each of four edits; several edits give several letters.
RATES = "39"  # One digit for another learning rate, at least three times the one before.
SYMPTOMS = "abc"
SHARES = st.sampled_from([0.02, 0.3, 0.65, 0.78, 0.95, 1.0, 1.1, 1.5, float("nan")])
HELD_OUT = facts.MetricName(rises=True, is_share=True, is_loss=False, is_held_out=True)


@dataclass(frozen=True)
class World:
    """The share of the cost that each edit leaves, on the first seed and on others, and of the logged error."""

    left: dict[str, float]
    held: dict[str, float]
    own: dict[str, float]
    prints: bool
    floor: float


class MadeUp(Table):
    """Answer each job with the product of the shares that its edits leave."""

    def __init__(self, world: World) -> None:
        baseline = self.seen(record_of(1.0), "pass", world)
        if world.floor:
            targets = facts.Targets("float32", 256, 0, 1, mean=0.2, own_entropy=world.floor)
            baseline.add(Fact.of(targets, 0))
        super().__init__({}, baseline=baseline)
        self.world = world

    def answer(self, job) -> Record:
        text = job.script.edits[SCRIPT.path].strip()
        value = self.product(text, self.world.left if job.seed == 0 else self.world.held)
        return self.seen(record_of(value * (1 + 0.02 * job.seed), job.seed, job.steps), text, self.world)

    @staticmethod
    def product(text: str, shares: dict[str, float]) -> float:
        value = 1.0
        for part in text.removeprefix("pass"):
            value *= shares.get(part, 1.0)
        return value

    @classmethod
    def seen(cls, record: Record, text: str, world: World) -> Record:
        if world.prints:
            missing = min(1.0, 0.8 * cls.product(text, world.own))
            record.add(Fact.of(HELD_OUT, 0, "test acc"))
            record.add(Reading("logged_metric", "test acc", record.steps or 100, 1 - missing))
        return record


@st.composite
def worlds(draw) -> World:
    shares = st.fixed_dictionaries(dict.fromkeys(EDITS + RATES, SHARES))
    left = draw(shares)
    held = draw(st.one_of(st.just(left), shares))
    return World(left, held, draw(shares), draw(st.booleans()), draw(st.sampled_from([0.0, 0.175])))


@st.composite
def prescriptions(draw, certain: dict[str, bool]) -> Prescription:
    edit, symptom = draw(st.sampled_from(EDITS)), draw(st.sampled_from(SYMPTOMS))
    remedy = draw(st.sampled_from([edit, f"{edit}_again", "learning_rate"]))
    known = prescription(edit, symptom, remedy=remedy, cost=draw(st.integers(1, 3)), decides=draw(st.booleans()))

    def at_rate(factor: float) -> Prescription:
        rate = RATES[factor > 3]
        return replace(
            prescription(edit + rate, symptom, remedy=f"{remedy}+learning_rate", cost=known.cost + 1),
            label=f"{remedy} makes it {edit}, at rate {rate}",
            of_fact=certain[symptom],
        )

    return replace(
        known,
        at_rate=at_rate if remedy != "learning_rate" and draw(st.booleans()) else None,
        label=f"{remedy} makes it {edit}",
        of_fact=certain[symptom],
        much=draw(st.booleans()),
        judged_on=draw(st.sampled_from(["fixed", "metric", "held_out", "nothing"])),
    )


@settings(max_examples=150, deadline=None)
@given(st.data(), worlds())
def test_made_up_consultations_are_consistent(data, world):
    certain = {id: data.draw(st.booleans()) for id in SYMPTOMS}
    stages = [data.draw(st.lists(prescriptions(certain), max_size=4)) for _ in range(data.draw(st.integers(1, 2)))]
    table = MadeUp(world)
    searches = [sum(stages[: number + 1], []) for number in range(len(stages))]
    proof = proved([lambda refuted, s=s: [p for p in s if p.symptom not in refuted] for s in searches], table)
    symptoms = tuple(Symptom(certain[id], f"{id} is seen", "", 0.0, 0.0, "", id=id, kind="wiring") for id in SYMPTOMS)
    case = build_case(table.baseline, replace(proof, symptoms=symptoms))
    assert violations(case) == []
