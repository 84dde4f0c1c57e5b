"""Arguments of remedies that change the model: its layers, their parameters and their buffers."""

from descend.core.bound import Bound, Count
from descend.doctor.assess.modules import (
    USUAL_STATISTICS_MOMENTUM,
    find_incomplete_load,
    find_replaced_parameters,
    narrow_layers,
)
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.remedy_arguments.values import Values

UNITS = Count(16, "units of a hidden layer", "chosen: four times the largest number of units that counts as narrow")
DROPOUT = Bound(0.2, "dropout rate", "chosen: dropout rates of up to one half are usual, and this one is milder")
NEW_DROPOUT = Bound(0.5, "dropout rate", "the rate of hidden units in Srivastava et al. 2014, §4")
ROWS, IMAGES = 2, 4  # number of dimensions of a batch of rows and of images
LEAST_BATCH = Count(8, "examples in a batch", "batch statistics of fewer examples are too noisy: Wu & He 2018, fig. 1")


def most_used_activation(record: Record, symptom: Symptom) -> Values | None:
    """Return the most frequent activation of the model; its gain determines the variance of new initial weights."""
    names = [used.function for used in record.every(facts.Activation).values()]
    return {"activation": max(dict.fromkeys(names), key=names.count) if names else "linear"}


def relu_for_saturating_units(record: Record, symptom: Symptom) -> Values | None:
    """Return ReLU as the replacement of the hidden activations if these include sigmoid or tanh; else None."""
    names = {used.function for used in record.every(facts.Activation).values()}
    return {"activation": "relu", "optimizer": symptom.optimizer} if names & {"sigmoid", "tanh"} else None


def function_with_wrong_backward(record: Record, symptom: Symptom) -> Values | None:
    """Return the name of the user's `autograd.Function` whose backward pass is wrong."""
    return {"function": symptom.module}


def optimizer_if_layers_are_kept(record: Record, symptom: Symptom) -> Values | None:
    """Return the key of the optimizer in the record if no forward pass constructs layers; else None."""
    return None if record.every(facts.MadeInForward) else only_optimizer(record, symptom)


def optimizer_if_layers_are_made_in_forward(record: Record, symptom: Symptom) -> Values | None:
    """Return the key of the optimizer in the record if forward passes construct new layers; else None."""
    return only_optimizer(record, symptom) if record.every(facts.MadeInForward) else None


def whole_model(record: Record, symptom: Symptom) -> Values | None:
    """Return the variable of the model that the optimizer should train; None if layers are replaced during the run."""
    if _are_layers_replaced(record) or optimizer_if_layers_are_kept(record, symptom) is None:
        return None
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    return {**_optimizer_and_model(record, symptom), "grouped": optimizer is not None and optimizer.groups > 1}


def model_with_replaced_layers(record: Record, symptom: Symptom) -> Values | None:
    """Return the variable of the model if its layers were replaced after the optimizer was created; else None."""
    return {**_optimizer_and_model(record, symptom), "replaced": True} if _are_layers_replaced(record) else None


def _are_layers_replaced(record: Record) -> bool:
    """Return whether the model's parameters were replaced after its optimizer was created."""
    return record.fact(facts.NoTrainedParameters, "0") is not None or find_replaced_parameters(record) is not None


def reentrant_checkpoint(record: Record, symptom: Symptom) -> Values | None:
    """Return the argument that lets a checkpoint pass gradients to its parameters; None without such a checkpoint."""
    if record.fact(facts.CheckpointWithoutGradient) is None:
        return None
    site = record.site(SiteKind.CHECKPOINT, "0")
    where: Values = {"kind": "checkpoint", "place": "0", "function": "checkpoint", "line": site.line if site else 0}
    return {**where, "keyword": "use_reentrant", "index": -1, "value": False}


def line_of_second_model(record: Record, symptom: Symptom) -> Values | None:
    """Return the source line that creates the model in use if the optimizer has none of its parameters; else None."""
    model, connections = record.site(SiteKind.MODEL, "0"), record.fact(facts.Connections)
    if connections is None or connections.held != 0 or model is None or not model.variable:
        return None
    return {"kind": "model", "place": "0", "line": model.line}


def _optimizer_and_model(record: Record, symptom: Symptom) -> Values:
    """Return the remedy's arguments: the optimizer's index in the script and, if known, the variable of the model."""
    model = record.site(SiteKind.MODEL, "0")
    known: Values = {"model": model.variable} if model and model.variable else {}
    return {"optimizer": symptom.optimizer, **known}


def batch_normalisation(record: Record, symptom: Symptom) -> Values | None:
    """Return batch normalisation as the layer to insert; None for a recurrent model or small batches."""
    sizes = [batch.fact.examples for batch in record.history(facts.Batch)]
    is_fit = bool(sizes) and min(sizes) >= LEAST_BATCH and not record.every(facts.Recurrent)
    return {"kind": "batch", "optimizer": symptom.optimizer} if is_fit else None


def layer_normalisation(record: Record, symptom: Symptom) -> Values | None:
    """Return layer normalisation as the layer to insert, which needs no other examples; None without a model."""
    return {"kind": "layer", "optimizer": symptom.optimizer} if record.site(SiteKind.MODEL) else None


def leaky_relu_for_relu(record: Record, symptom: Symptom) -> Values | None:
    """Return leaky ReLU as the replacement of the hidden activations if these include ReLU; else None."""
    names = {used.function for used in record.every(facts.Activation).values()}
    return {"activation": "leaky_relu", "optimizer": symptom.optimizer} if "relu" in names else None


def dropout_after_hidden_layers(record: Record, symptom: Symptom) -> Values | None:
    """Return the dropout rate of layers to insert; None if the model has dropout already."""
    return None if record.every(facts.Dropout) else {"p": NEW_DROPOUT, "optimizer": symptom.optimizer}


def noisy_inputs(record: Record, symptom: Symptom) -> Values | None:
    """Return Gaussian noise as the augmentation of inputs that are rows of real numbers; else None."""
    return _augmentation(record, symptom, "noise", ROWS)


def moved_images(record: Record, symptom: Symptom) -> Values | None:
    """Return random shifts and rotations as the augmentation of images of shape (N, C, H, W); else None."""
    return _augmentation(record, symptom, "affine", IMAGES)


def _augmentation(record: Record, symptom: Symptom, kind: str, dimensions: int) -> Values | None:
    """Return an augmentation if a batch of inputs has this number of dimensions; else None."""
    known = record.fact(facts.Inputs)
    is_fit = known is not None and len(known.shape) == dimensions and known.first_layer != "embedding"
    return {"kind": kind, "optimizer": symptom.optimizer} if is_fit else None


def usual_statistics_momentum(record: Record, symptom: Symptom) -> Values | None:
    """Return the usual momentum of a normalisation layer: the weight of a new batch in its running statistics."""
    return {"momentum": USUAL_STATISTICS_MOMENTUM, "optimizer": symptom.optimizer}


def sequence_length(record: Record, symptom: Symptom) -> Values | None:
    """Return the number of time steps in the longest sequence that a recurrent layer reads."""
    lengths = [layer.length for layer in record.every(facts.Recurrent).values()]
    return {"length": max(lengths), "optimizer": symptom.optimizer} if lengths else None


def optimizer_if_only_dropout_is_off(record: Record, symptom: Symptom) -> Values | None:
    """Return the key of the optimizer if dropout layers, and no others, are in evaluation mode; else None."""
    modes = record.fact(facts.Modes)
    idle = modes.evaluation if modes else ()
    return only_optimizer(record, symptom) if idle and set(idle) <= record.every(facts.Dropout).keys() else None


def optimizer_if_others_are_off(record: Record, symptom: Symptom) -> Values | None:
    """Return the key of the optimizer; None if dropout layers, and no others, are in evaluation mode."""
    return None if optimizer_if_only_dropout_is_off(record, symptom) else only_optimizer(record, symptom)


def usual_dropout_rate(record: Record, symptom: Symptom) -> Values | None:
    """Return a usual dropout rate if the largest one in the model is more than twice as large; else None."""
    old = max((dropout.p for dropout in record.every(facts.Dropout).values()), default=0.0)
    return {"p": DROPOUT, "old": old} if old > 2 * DROPOUT else None


def checkpoint_prefix(record: Record, symptom: Symptom) -> Values | None:
    """Return the prefix, such as "module.", by which the names in a checkpoint differ from those in the model."""
    place = find_incomplete_load(record)
    load = record.fact(facts.PartlyLoaded, place)
    if load is None or load.prefix is None:
        return None
    return {"place": place, "prefix": load.prefix, "is_extra": load.is_extra}


def unaveraged_buffers(record: Record, symptom: Symptom) -> Values | None:
    """Return the loop that copies or averages the parameters of a model, but not its buffers; None without one."""
    return {"kind": "unaveraged_buffers", "place": "0"} if record.fact(facts.UnaveragedBuffers, "0") else None


def more_units(record: Record, symptom: Symptom) -> Values | None:
    """Return the names of a network's narrow layers and a larger number of units for them; None without such layers."""
    chain, narrow = record.fact(facts.Widths), narrow_layers(record)
    if chain is None or not narrow:
        return None
    return {"layers": list(chain.layers), "narrow": list(narrow), "old": min(narrow.values()), "units": UNITS}
