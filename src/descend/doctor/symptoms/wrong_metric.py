"""Wrong metric: the number that the script logs does not change when predictions become right."""

from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign

SOURCE = "Gneiting & Raftery 2007, §2: a score is proper where nothing scores better than the truth"


def wrong_metric(record: Record) -> Sign | None:
    """The answers that the loss asks for score no better than the same answers given to other examples."""
    known = record.every(facts.OwnMeasure)
    place = next((place for place, measure in known.items() if not measure.is_told_apart), None)
    if place is None:
        return None
    score = known[place]
    is_slip = score.best != score.right
    slip = f"; with another class for one of the examples it is {score.best:.3g}" if is_slip else ""
    return Sign(
        certain=True,
        sentence="the number that is computed here does not tell right answers from others: those that the training "
        f"loss asks for come to {score.right:.3g}, and to {score.given_to_others:.3g} where each is given to "
        f"another example{slip}: it does not say what the network has learnt",
        quantity="right answers' number − others'",
        value=score.right - score.given_to_others,
        bound=0.0,
        source=SOURCE,
        where=record.site("own_measure", place),
    )
