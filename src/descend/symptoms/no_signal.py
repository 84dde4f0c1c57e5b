"""No signal: the targets do not depend on the inputs, so there is nothing to learn but the noise."""

from descend.record import Record
from descend.symptoms.places import data_site
from descend.symptoms.progress import STUCK, constant_cost, left
from descend.symptoms.symptom import ECHOES, Symptom

SOURCE = "Zhang et al. 2017: networks fit random labels too; Gretton et al. 2005: a test of independence"
ADVICE = (
    "No change of the training helps: look for inputs that know something of the targets, or for the place where "
    "the two lost each other."
)
CHANCE = 0.05  # of shuffled targets that look as dependent: real ones have less than one in a hundred
EXAMPLES = 100


def no_signal(record: Record) -> Symptom | None:
    """Targets that look independent of the inputs, in a run that is no better than a constant on unseen examples."""
    fact, constant = record.fact("signal") or {}, constant_cost(record)
    if not fact.get("p_value", 0.0) > CHANCE or fact["examples"] < EXAMPLES:
        return None
    evaluation = record.held_out()
    unseen = evaluation.min / constant if len(evaluation) and constant else float("nan")
    if not (unseen > STUCK or (unseen != unseen and left(record) > STUCK)):
        return None
    return Symptom(
        id="no_signal",
        kind="statics",
        certain=True,
        confidence=0.75,
        sentence=f"shuffled targets look as dependent on the inputs as the real ones in {fact['p_value']:.0%} of "
        f"the trials (bound {CHANCE:.0%}, {fact['examples']} examples): nothing shows that these inputs know anything "
        "of the targets, and no change of the training mends that",
        quantity="p-value of independence",
        value=fact["p_value"],
        bound=CHANCE,
        source=SOURCE,
        where=data_site(record),
        evidence=(("loss", "0"), ("evaluation_loss", record.held_out_place())),
        explains=ECHOES | {"inputs_not_normalised", "schedule", "clipping_too_hard"},
    )
