"""Parameters not in the optimizer: the loss depends on some parameters that no optimizer updates.

`optimizer.step()` changes only the tensors that were passed to the optimizer. The gradients of all others are computed
and never used, so they keep their random initial values. Usual causes are layers in a Python list instead of
`nn.ModuleList`, and layers that are created after the optimizer.
"""

from dataclasses import replace

from descend.core.bound import Count
from descend.doctor.assess.modules import find_replaced_parameters
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import FRESH, Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.layers import (
    line_of_second_model,
    model_with_replaced_layers,
    optimizer_if_layers_are_kept,
    optimizer_if_layers_are_made_in_forward,
    whole_model,
)
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.optim.Optimizer: an optimizer updates only the parameters that it was given"
LOOKS = Count(
    2,
    "observed steps after the layers were replaced",
    "chosen: at the first of these steps, the script may not have created the new optimizer yet",
)

PROBLEM = Problem(
    id="parameters_not_in_optimizer",
    kind="wiring",
    title="parameters are missing from the optimizer",
    consequences=frozenset({"frozen_or_detached", "inputs_not_normalised"}),
    remedies=(
        RemedyEntry(
            "make_layers_once",
            optimizer_if_layers_are_made_in_forward,
            "create the layers once, in __init__",
            "the layers then keep what they learn, and the optimizer holds their parameters",
            "torch.nn.Module.parameters",
            judged_on="training",
        ),
        RemedyEntry(
            "register_layers",
            optimizer_if_layers_are_kept,
            "register the layers (ModuleList, ModuleDict)",
            "the module's parameters() returns only parameters of registered layers",
            "torch.nn.Module.parameters",
        ),
        RemedyEntry(
            "hold_parameters",
            whole_model,
            "pass the network's parameters to the optimizer",
            "an optimizer updates only the parameters that it holds",
            "torch.optim.Optimizer",
        ),
        RemedyEntry(
            "attach",
            only_optimizer,
            "use the network itself, not a new copy",
            "the loss then depends on the parameters that the optimizer holds",
            "torch.nn.Module.parameters",
            judged_on="training",
        ),
        RemedyEntry(
            "hold_parameters",
            model_with_replaced_layers,
            "pass the network's new parameters to the optimizer",
            "an optimizer updates only the parameters that it holds",
            "torch.optim.Optimizer",
            judged_on="training",
        ),
        RemedyEntry(
            "leave_out",
            line_of_second_model,
            "remove line {line}",
            "the optimizer then holds the parameters of the network that is trained",
            "torch.optim.Optimizer",
            judged_on="training",
        ),
    ),
    example=CodeExample(
        faulty="optimizer = torch.optim.Adam(encoder.parameters())\noutputs = decoder(encoder(inputs))",
        fixed=(
            "optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()])\n"
            "outputs = decoder(encoder(inputs))"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report parameters that the loss depends on but that no optimizer holds.

    They are no mistake if the script itself changes them between the steps: an optimizer may hold copies of them in a
    higher precision.
    """
    connections, wiring = record.fact(facts.Connections), record.fact(facts.Wiring, "0")
    optimizers = record.every(facts.Optimizer)
    if not optimizers or "0" in optimizers and optimizers["0"].by_hand:
        return None
    if any(step.fact.rewritten for step in record.history(facts.Wiring, "0")):
        return None
    if record.every(facts.MadeInForward):
        return _report_layers_made_in_forward(record)
    if (former := find_replaced_parameters(record)) is not None:
        return _report_former_parameters(record, *former)
    if connections is not None and connections.untrained_count:
        return _report_left_out_parameters(record, summary, connections)
    if (replaced := _report_replaced_layers(record)) is not None:
        return replaced
    if wiring is not None and wiring.unheld_count and wiring.with_gradient == 0:
        names = ", ".join(wiring.unheld[:3])
        return _symptom(record, f"the optimizer holds none of the network's parameters ({names}, …)", 1.0, True)
    return None


def _report_layers_made_in_forward(record: Record) -> Detection:
    """Report layers that are created again in each forward pass."""
    made = [record.history(facts.MadeInForward, place)[0].fact for place in record.every(facts.MadeInForward)]
    listed = ", ".join(f"{each.layer} in line {each.line}" for each in made[:3])
    sentence = (
        f"each forward pass creates new layers ({listed}), so what they learn is lost; create them once, in `__init__`"
    )
    found = _symptom(record, sentence, float(len(made)), True)
    return replace(found, quantity="layers created in each pass", where=record.site(SiteKind.MADE_IN_FORWARD))


def _report_former_parameters(record: Record, key: str, names: tuple[str, ...]) -> Detection:
    """Report an optimizer that holds parameters that the model had before they were replaced."""
    count, listed = len(names), ", ".join(names[:3])
    sentence = (
        f"the optimizer holds {count} tensors that are no longer parameters of the model: {listed} were replaced after "
        "the optimizer was created, so no step changes the new ones"
    )
    return replace(_symptom(record, sentence, float(count), True, key), quantity="parameters replaced")


def _report_replaced_layers(record: Record) -> Detection | None:
    """Report a network whose layers were replaced, so that the optimizer no longer holds any of its parameters."""
    lost = record.history(facts.NoTrainedParameters, "0")
    if len(lost) < LOOKS or lost[0].step == 0 or len(record.every(facts.Optimizer)) > 1:
        return None
    sentence = (
        f"from step {lost[0].step} on, the optimizer holds none of the {lost[-1].fact.count} parameters that the loss "
        "depends on: layers were replaced after the optimizer was created"
    )
    return _symptom(record, sentence, 1.0, True)


def _report_left_out_parameters(record: Record, summary: RunSummary, found: facts.Connections) -> Detection | None:
    """Report parameters that the loss depends on but that the optimizer was never given."""
    share = found.untrained_numel / max(1, found.used)
    names = [name for name in found.untrained if not name.startswith("(")]
    listed = f" ({', '.join(names[:3])})" if names else ""
    count = found.untrained_count
    if found.held == 0:
        sentence = (
            f"the optimizer holds none of the {count} parameters that the loss depends on{listed}; it may hold the "
            "parameters of another copy of the network"
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
            f"{count} parameters{listed} are not in the optimizer, and one of its groups is empty. An iterator from "
            "`filter`, `map` or `parameters()` can be read only once"
        )
        return _symptom(record, sentence, share, False)
    is_output = found.output_untrained  # An output layer is never left out on purpose, so it is always reported.
    if found.untrained_share_fresh < FRESH and not is_output or not summary.may_have_learned_little():
        return None
    what = "the output layer" if is_output else f"{share:.0%} of the network"
    sentence = f"{count} parameters{listed} are not in the optimizer: {what} keeps its random initial values"
    return _symptom(record, sentence, share, False)


def _symptom(record: Record, sentence: str, share: float, certain: bool, optimizer: str = "0") -> Detection:
    """Return the symptom of parameters that no optimizer holds; `share` is their share of all parameters in use."""
    return FatalDetection(
        certain=certain,
        likely=True,
        sentence=sentence,
        quantity="share of parameters left out",
        value=share,
        bound=0.0,
        source=SOURCE,
        where=record.site(SiteKind.OPTIMIZER, optimizer),
    )
