"""Wrong step: the parameters do not move by the update rule's step along this loss's gradient."""

from descend.doctor.course.objective import climbs_gain
from descend.doctor.course.suffering import may_suffer, suffers
from descend.doctor.record import Record, Site, facts
from descend.doctor.symptoms.sign import Ruin, Sign
from descend.ground.bound import Bound

SOURCE = "Nocedal & Wright 2006, §2.2: a short step lowers the cost if its angle with the steepest descent is below 90°"
UNCHANGED = Bound(
    1.0,
    "times a step's own change; cosine with the loss's gradient",
    "a gradient that nothing has changed has this cosine; what changes more than a step does is told first",
)


def wrong_step(record: Record) -> Sign | None:
    """Something else than backward pass and optimizer writes to gradients or parameters, in a run that may suffer."""
    for key, altered in record.every(facts.Alterations).items():
        cosine, between = 1.0 if altered.cosine is None else altered.cosine, altered.between_steps
        gradient, parameters = _site(record, "altered_gradient", key), _site(record, "altered_parameters", key)
        is_clipped = gradient is not None and gradient.detail == "clip"
        is_maximising = altered.is_reversed and climbs_gain(record, key)  # which is what the script means
        is_changed = altered.cosine is not None and not is_clipped and not is_maximising
        if between > 0 and (not is_changed or between > UNCHANGED):
            told = (
                "between the optimizer's steps the parameters are changed here by something else, "
                f"{between:.2g} times as much as a step moves them"
            )
            quantity, value, where = "change between the steps / change by a step", between, parameters
        elif is_changed:
            told = (
                "between the backward pass and the step the gradients are changed here: what the optimizer is given "
                f"has a cosine of {cosine:.2g} with the loss's gradient, and {altered.ratio:.2g} times its length"
            )
            quantity, value, where = "cosine of the step's gradient with the loss's", cosine, gradient
        elif altered.forgotten:
            told = (
                "what the rule remembers from step to step (its momentum, its scale of the gradients) is thrown away "
                "here between the steps"
            )
            quantity, value = "steps before which the rule had forgotten", float(altered.forgotten)
            where = _site(record, "altered_state", key)
        else:
            continue
        is_sure = quantity.startswith("cosine") and cosine < 0 and suffers(record, key)
        if not is_sure and not may_suffer(record, key):
            continue
        return Ruin(
            certain=is_sure,
            sentence=told,
            quantity=quantity,
            value=value,
            bound=0.0 if is_sure or not is_changed else UNCHANGED,
            source=SOURCE,
            where=where,
            optimizer=key,
            evidence=(("loss", key),),
        )
    return None


def _site(record: Record, kind: str, key: str) -> Site | None:
    """Return the first line that writes there, clipping last, which may be meant; else where the optimizer steps."""
    sites = sorted(record.every_site(kind), key=lambda site: site.detail == "clip")
    return next(iter(sites), record.site("step", key))
