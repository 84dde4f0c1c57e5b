"""Split a model into pipeline stages of similar cost, and keep the model's own layers in each stage."""

from typing import Any

import torch
from torch import fx, nn
from torch.utils.flop_counter import FlopCounterMode

SWITCHED = ("dropout", "batch_norm")  # functions whose results differ between training and evaluation


def cut_points(model: nn.Module, inputs: tuple[Any, ...], stages: int) -> list[str]:
    """Return the name of the first layer of each stage except the first, so that the stages cost about the same.

    Each stage has a trainable layer, because its process needs parameters to update. Raises `ValueError` if the model
    has fewer trainable layers than stages.
    """
    learns = {name for name, layer in model.named_modules() if any(p.requires_grad for p in layer.parameters())}
    runs: list[list[str]] = []  # successive layers, in groups with one trainable layer each
    dear = count_operations(model, inputs)
    for name in dear:
        if not runs or (name in learns and learns.intersection(runs[-1])):
            runs.append([name])
        else:
            runs[-1].append(name)
    return [runs[k][0] for k in find_balanced_cuts([sum(dear[name] for name in run) for run in runs], stages)]


def count_operations(model: nn.Module, inputs: tuple[Any, ...]) -> dict[str, float]:
    """Return the number of floating-point operations in each layer's forward pass, by name and in call order."""
    found: dict[str, float] = {}
    counter, hooks, training = FlopCounterMode(display=False), [], model.training
    for name, layer in model.named_modules():
        if not list(layer.children()):

            def add_operations(_: nn.Module, *__: Any, name: str = name) -> None:
                """Add to this layer's number of operations all operations since the previous layer ended."""
                found[name] = found.get(name, 0.0) + counter.get_total_flops() - sum(found.values())

            hooks.append(layer.register_forward_hook(add_operations))
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]), counter:
            model.eval()(*inputs)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return found


def find_balanced_cuts(costs: list[float], stages: int) -> list[int]:
    """Return the first layer of each stage but the first, such that the cost of the costliest stage is smallest.

    Raises `ValueError` for fewer layers than stages.

    >>> find_balanced_cuts([1.0, 1.0, 1.0, 3.0], 2)
    [3]
    """
    if len(costs) < stages:
        raise ValueError(f"{len(costs)} layers cannot be divided into {stages} stages")
    # The latest of equally good cuts keeps a function without parameters in the stage of the preceding layer.
    best: dict[tuple[int, int], tuple[float, list[int]]] = {(0, 0): (0.0, [])}
    for end in range(1, len(costs) + 1):
        for pieces in range(1, min(stages, end) + 1):
            options = [
                (max(best[start, pieces - 1][0], sum(costs[start:end])), [*best[start, pieces - 1][1], start])
                for start in range(pieces - 1, end)
                if (start, pieces - 1) in best
            ]
            best[end, pieces] = min(options, key=lambda option: (option[0], [-cut for cut in option[1]]))
    return best[len(costs), stages][1][1:]


def keep_layers(stage: nn.Module, model: nn.Module) -> None:
    """Put the model's own layers into a traced stage, so that train() and eval() also change the stage.

    Raises `ValueError` for dropout and batch normalisation that are called as functions, because tracing fixes their
    mode.
    """
    originals = dict(model.named_modules())
    for name, traced in list(stage.named_modules()):
        original = originals.get(name.split("@")[0])
        if name and original is not None and not list(original.children()):
            stage.set_submodule(name, original)
        elif isinstance(graph := getattr(traced, "graph", None), fx.Graph):
            _check_mode_functions(graph)


def _check_mode_functions(graph: fx.Graph) -> None:
    """Raise `ValueError` if a traced graph calls dropout or batch normalisation as a function."""
    for node in graph.nodes:
        if node.op == "call_function" and any(word in str(node.target) for word in SWITCHED):
            raise ValueError(
                f"the model calls {node.target} as a function, which a pipeline cannot switch off for evaluation. "
                "Use a layer instead, such as torch.nn.Dropout or torch.nn.BatchNorm2d"
            )
