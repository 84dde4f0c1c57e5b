"""Layers split over processes: each computes some columns of a linear layer, or some filters of a convolution.

Each process sees the whole input and computes its part of the output; the parts are gathered after the layer. Of two
linear layers with element-wise functions between them the first is split by its outputs and the second by its inputs,
so that only the second's sum is sent (Shoeybi et al. 2019, §3).
"""

from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import ColwiseParallel, ParallelStyle, RowwiseParallel, parallelize_module

ELEMENTWISE = (nn.ReLU, nn.GELU, nn.Tanh, nn.Sigmoid, nn.SiLU, nn.ELU, nn.LeakyReLU, nn.Softplus, nn.Identity)


def split_layers(model: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """Split the layers of a model over the processes of a mesh, and return it.

    What cannot be divided, and layers of other kinds, are computed by each of them. Raises `ValueError` for a model in
    which nothing can be split.
    """
    plan = split_plan(model, mesh.size())
    if not plan:
        raise ValueError(f"no linear layer or convolution of the model has outputs that {mesh.size()} divides")
    return parallelize_module(model, mesh, plan)


def split_plan(model: nn.Module, parts: int) -> dict[str, ParallelStyle]:
    """Return how each layer that so many processes can share is split, by its name."""
    plan: dict[str, ParallelStyle] = {}
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Sequential):
            plan |= {f"{name}.{k}".lstrip("."): style for k, style in _pairs(layer, parts).items()}
        if name in plan:
            continue
        if isinstance(layer, nn.Linear) and layer.out_features % parts == 0:
            plan[name] = ColwiseParallel(output_layouts=Replicate())
        elif _convolves(layer) and layer.groups == 1 and layer.out_channels % parts == 0:
            plan[name] = FilterwiseParallel()
    return plan


class FilterwiseParallel(ParallelStyle):
    """Each process convolves the whole input with its share of the filters; the maps are gathered."""

    def _apply(self, module: nn.Module, device_mesh: DeviceMesh) -> nn.Module:
        for name, parameter in list(module.named_parameters(recurse=False)):
            split = distribute_tensor(parameter.detach(), device_mesh, [Shard(0)])
            module.register_parameter(name, nn.Parameter(split, parameter.requires_grad))
        convolve: Any = module._conv_forward

        def some_filters(x: Tensor, weight: DTensor, bias: DTensor | None) -> Tensor:
            whole = DTensor.from_local(x, device_mesh, [Replicate()], run_check=False)
            maps = convolve(
                whole.to_local(grad_placements=[Partial()]),  # what each part's filters ask of the input adds up
                weight.to_local(),
                None if bias is None else bias.to_local(),
            )
            channels = maps.dim() - weight.dim() + 1
            gathered = DTensor.from_local(maps, device_mesh, [Shard(channels)], run_check=False)
            return gathered.redistribute(placements=[Replicate()]).to_local()

        module._conv_forward = some_filters  # type: ignore[assignment]
        return module


def whole(tensor: Tensor) -> Tensor:
    """Return a parameter or gradient as one tensor, wherever its parts lie."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _convolves(layer: nn.Module) -> Any:
    return isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d)


def _pairs(layers: nn.Sequential, parts: int) -> dict[str, ParallelStyle]:
    plan: dict[str, ParallelStyle] = {}
    row = list(layers)
    linear = [(k, layer) for k, layer in enumerate(row) if isinstance(layer, nn.Linear)]
    for (first, layer), (second, _) in pairwise(linear):
        between = all(isinstance(function, ELEMENTWISE) for function in row[first + 1 : second])
        if between and str(first) not in plan and layer.out_features % parts == 0:
            plan |= {str(first): ColwiseParallel(), str(second): RowwiseParallel()}
    return plan
