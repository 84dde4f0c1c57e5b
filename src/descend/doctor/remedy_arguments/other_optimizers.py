"""Arguments of remedies that replace SGD by another optimizer, with its usual learning rate."""

from descend.core.bound import Bound
from descend.doctor.assess.stability import ADAM_RATE, uses_rule
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record, facts
from descend.doctor.remedy_arguments.learning_rates import USUAL_STEP, rate_for_few_steps
from descend.doctor.remedy_arguments.rounding import round_to_one_digit
from descend.doctor.remedy_arguments.values import Values
from descend.doctor.script.run_names import EndReason

SOAP_RATE = Bound(3e-3, "learning rate of SOAP", "the default of Vyas et al. 2024, §5")


def adam_arguments(record: Record, symptom: Symptom) -> Values | None:
    """Return the default learning rate of Adam, which replaces SGD; None if the script does not use SGD."""
    return {"lr": ADAM_RATE, "optimizer": symptom.optimizer} if uses_rule(record, symptom.optimizer, ("SGD",)) else None


def adam_for_few_steps(record: Record, symptom: Symptom) -> Values | None:
    """Return the learning rate of Adam, which replaces SGD: the default one, or a larger one in a run of few steps."""
    values = adam_arguments(record, symptom)
    if values is None or record.ending is None or record.ending.reason != EndReason.FINISHED:
        return values
    return {**values, "lr": max(ADAM_RATE, rate_for_few_steps(record))}


def faster_adam(record: Record, symptom: Symptom) -> Values | None:
    """Return Adam with ten times its usual learning rate, for weights that must move far along flat directions."""
    values = adam_for_few_steps(record, symptom)
    return None if values is None else {**values, "lr": round_to_one_digit(10 * values["lr"])}


def lars_arguments(record: Record, symptom: Symptom) -> Values | None:
    """Return LARS, which replaces SGD, and the learning rate at which a step is a hundredth of a layer's norm."""
    return _replacement_of_sgd(record, symptom, "LARS", 100 * USUAL_STEP)


def lamb_arguments(record: Record, symptom: Symptom) -> Values | None:
    """Return LAMB, which replaces SGD, and the learning rate at which a step is a hundredth of a layer's norm."""
    return _replacement_of_sgd(record, symptom, "LAMB", USUAL_STEP)


def soap_arguments(record: Record, symptom: Symptom) -> Values | None:
    """Return SOAP, which replaces SGD and estimates the curvature between the weights of a layer."""
    return _replacement_of_sgd(record, symptom, "SOAP", max(SOAP_RATE, rate_for_few_steps(record)))


def _replacement_of_sgd(record: Record, symptom: Symptom, rule: str, lr: float) -> Values | None:
    """Return the optimizer `rule` and its learning rate `lr`, which replace SGD; None for several parameter groups."""
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    if not uses_rule(record, symptom.optimizer, ("SGD",)) or len(optimizer.rates if optimizer else ()) > 1:
        return None
    return {"rule": rule, "lr": lr, "optimizer": symptom.optimizer}
