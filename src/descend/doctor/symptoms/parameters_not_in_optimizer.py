"""Parameters not in the optimizer: the loss depends on them and gradients reach them, but no optimizer updates them."""

from dataclasses import replace

from descend.doctor.course.suffering import may_be_poor
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import FRESH, Ruin, Sign
from descend.ground.bound import Count

SOURCE = "torch.optim.Optimizer: it moves the parameters that it was given, and no others"
LOOKS = Count(
    2,
    "looks at the network after its layers were replaced",
    "chosen: at one alone the optimizer may not have been made anew yet",
)


def parameters_not_in_optimizer(record: Record) -> Sign | None:
    """Report parameters in use that no optimizer holds: all of them, those of unregistered layers, or new layers."""
    connections, wiring = record.fact(facts.Connections), record.fact(facts.Wiring, "0")
    optimizers = record.every(facts.Optimizer)
    if not optimizers or "0" in optimizers and optimizers["0"].by_hand:
        return None
    if record.every(facts.MadeInForward):
        return _made_in_forward(record)
    if connections is not None and connections.untrained_count:
        return _left_out(record, connections)
    if (replaced := _replaced(record)) is not None:
        return replaced
    if wiring is not None and wiring.unheld_count and wiring.with_gradient == 0:
        names = ", ".join(wiring.unheld[:3])
        return _symptom(record, f"the optimizer holds none of the network's parameters ({names}, …)", 1.0, True)
    return None


def _made_in_forward(record: Record) -> Sign:
    """Layers that each forward pass makes anew."""
    made = [record.history(facts.MadeInForward, place)[0].fact for place in record.every(facts.MadeInForward)]
    listed = ", ".join(f"{each.layer} in line {each.line}" for each in made[:3])
    sentence = (
        f"each forward pass creates new layers ({listed}), so nothing that they learn is kept; create them once, in "
        "`__init__`"
    )
    found = _symptom(record, sentence, float(len(made)), True)
    return replace(found, quantity="layers created in each pass", where=record.site("made_in_forward"))


def _replaced(record: Record) -> Sign | None:
    """A network of which the optimizer held the parameters at first, and holds none any more."""
    lost = record.history(facts.Lost, "0")
    if len(lost) < LOOKS or lost[0].step == 0 or len(record.every(facts.Optimizer)) > 1:
        return None
    sentence = (
        f"from step {lost[0].step} on, the optimizer holds none of the {lost[-1].fact.count} parameters that the loss "
        "depends on: layers were replaced after the optimizer was created"
    )
    return _symptom(record, sentence, 1.0, True)


def _left_out(record: Record, found: facts.Connections) -> Sign | None:
    share = found.untrained_numel / max(1, found.used)
    names = [name for name in found.untrained if not name.startswith("(")]
    listed = f" ({', '.join(names[:3])})" if names else ""
    count = found.untrained_count
    if found.held == 0:
        sentence = (
            f"the optimizer holds none of the {count} parameters that the loss depends on{listed}; it may hold those "
            "of another copy of the network"
        )
        return _symptom(record, sentence, share, True)
    if any(name.startswith("(") for name in found.untrained):
        sentence = (
            f"{count} parameters that the loss depends on are not registered with the module (layers in a plain list "
            f"or dict), so the optimizer does not hold them; {share:.0%} of the network keeps its random initial values"
        )
        return _symptom(record, sentence, share, True)
    optimizer = record.fact(facts.Optimizer, "0")
    if optimizer is not None and optimizer.empty_groups:
        sentence = (
            f"{count} parameters{listed} are not in the optimizer, and one of its groups is empty: the iterators that "
            "`filter`, `map` and `parameters()` return can be read only once"
        )
        return _symptom(record, sentence, share, False)
    is_output = found.output_untrained  # which nobody leaves out on purpose
    if found.untrained_share_fresh < FRESH and not is_output or not may_be_poor(record):
        return None
    what = "the output layer" if is_output else f"{share:.0%} of the network"
    sentence = f"{count} parameters{listed} are not in the optimizer: {what} keeps its random initial values"
    return _symptom(record, sentence, share, False)


def _symptom(record: Record, sentence: str, share: float, certain: bool) -> Sign:
    return Ruin(
        certain=certain,
        likely=True,
        sentence=sentence,
        quantity="share of parameters left out",
        value=share,
        bound=0.0,
        source=SOURCE,
        where=record.site("optimizer", "0"),
    )
