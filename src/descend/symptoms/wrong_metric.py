"""Wrong metric: what the script measures of its network cannot tell the right answers from others."""

from descend.record import Record
from descend.symptoms.symptom import Symptom

SOURCE = "Gneiting & Raftery 2007, §2: a score is proper where nothing scores better than the truth"

# What is only asked for because the script's own number is poor.
OF_THE_NUMBER = frozenset({"wrong_objective", "unreadable", "optimisation", "overfitting"})


def wrong_metric(record: Record) -> Symptom | None:
    """The answers that the loss asks for score no better than the same answers given to other examples."""
    known = [(place, record.fact("own_measure", place) or {}) for place in record.places("own_measure")]
    place, fact = next(((place, fact) for place, fact in known if not fact["is_told_apart"]), ("", None))
    if fact is None:
        return None
    is_slip = fact["best"] != fact["right"]
    slip = f"; with another class for one of the examples it is {fact['best']:.3g}" if is_slip else ""
    return Symptom(
        id="wrong_metric",
        kind="wiring",
        certain=True,
        sentence="the number that is computed here does not tell right answers from others: those that the training "
        f"loss asks for come to {fact['right']:.3g}, and to {fact['given_to_others']:.3g} where each is given to "
        f"another example{slip}: it does not say what the network has learnt",
        quantity="right answers' number − others'",
        value=fact["right"] - fact["given_to_others"],
        bound=0.0,
        source=SOURCE,
        where=record.site("own_measure", place),
        explains=OF_THE_NUMBER,
    )
