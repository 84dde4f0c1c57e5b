"""Where a model is cut into stages, and what of it each stage keeps."""

from typing import Any

import torch
from torch import fx, nn
from torch.utils.flop_counter import FlopCounterMode

SWITCHED = ("dropout", "batch_norm")  # functions that training and evaluation compute differently


def cut_points(model: nn.Module, inputs: tuple[Any, ...], stages: int) -> list[str]:
    """Return the layers with which the later stages begin, so that the dearest stage has the fewest operations.

    Each has a layer that learns, or its process would have nothing to step on. Raises `ValueError` for a model with
    fewer of those than stages.
    """
    learns = {name for name, layer in model.named_modules() if any(p.requires_grad for p in layer.parameters())}
    runs: list[list[str]] = []  # of layers, each with one that learns
    dear = operations(model, inputs)
    for name in dear:
        if not runs or (name in learns and learns.intersection(runs[-1])):
            runs.append([name])
        else:
            runs[-1].append(name)
    return [runs[k][0] for k in balanced([sum(dear[name] for name in run) for run in runs], stages)]


def operations(model: nn.Module, inputs: tuple[Any, ...]) -> dict[str, float]:
    """Return the operations of each layer's forward pass, in the order in which they are first called."""
    found: dict[str, float] = {}
    counter, hooks, training = FlopCounterMode(display=False), [], model.training
    for name, layer in model.named_modules():
        if not list(layer.children()):

            def count(_: nn.Module, *__: Any, name: str = name) -> None:
                found[name] = found.get(name, 0.0) + counter.get_total_flops() - sum(found.values())

            hooks.append(layer.register_forward_hook(count))
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]), counter:
            model.eval()(*inputs)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return found


def balanced(costs: list[float], stages: int) -> list[int]:
    """Return where to cut the layers' costs so that the dearest of so many stages, none of them empty, is cheapest.

    Raises `ValueError` for fewer layers than stages.

    >>> balanced([1.0, 1.0, 1.0, 3.0], 2)
    [3]
    """
    if len(costs) < stages:
        raise ValueError(f"{len(costs)} layers cannot be cut into {stages} stages")
    # of all that are as cheap the latest cuts: a function without operations stays with the layer before it
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
    """Put a model's own layers into a stage that was traced from it, so that train() and eval() reach them.

    Raises `ValueError` for dropout and batch normalisation that are no layers: they would stay as they were traced.
    """
    originals = dict(model.named_modules())
    for name, traced in list(stage.named_modules()):
        original = originals.get(name.split("@")[0])
        if name and original is not None and not list(original.children()):
            stage.set_submodule(name, original)
        elif isinstance(graph := getattr(traced, "graph", None), fx.Graph):
            _refuse_switched(graph)


def _refuse_switched(graph: fx.Graph) -> None:
    for node in graph.nodes:
        if node.op == "call_function" and any(word in str(node.target) for word in SWITCHED):
            raise ValueError(
                f"{node.target} is called as a function, and a pipeline cannot switch it off for evaluation: "
                "make it a layer of the model (torch.nn.Dropout, torch.nn.BatchNorm2d)"
            )
