"""Tensor parallelism: each process computes some outputs of a linear layer, or some filters of a convolution.

Each process gets the layer's full input and computes a part of the output. The parts are gathered after the layer. In a
pair of linear layers with only element-wise functions between them, the first is split by outputs and the second by
inputs. Then only the sum of the second layer's outputs is communicated (Shoeybi et al. 2019, §3).
"""

from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import ColwiseParallel, ParallelStyle, RowwiseParallel, parallelize_module

ELEMENTWISE = (nn.ReLU, nn.GELU, nn.Tanh, nn.Sigmoid, nn.SiLU, nn.ELU, nn.LeakyReLU, nn.Softplus, nn.Identity)


def split_layers(model: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """Split the layers of a model over the processes of a device mesh, and return the model.

    Every process computes the layers that cannot be split.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    mesh : torch.distributed.DeviceMesh
        The mesh of processes, with one dimension.

    Returns
    -------
    torch.nn.Module
        The model, in which the layers are split.

    Raises
    ------
    ValueError
        If no layer can be split.
    """
    plan = split_plan(model, mesh.size())
    if not plan:
        raise ValueError(
            f"the model has no linear layer or convolution whose number of outputs is divisible by {mesh.size()}"
        )
    return parallelize_module(model, mesh, plan)


def split_plan(model: nn.Module, parts: int) -> dict[str, ParallelStyle]:
    """Return a dict from each layer that can be split into `parts` parts to a description of the split."""
    plan: dict[str, ParallelStyle] = {}
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Sequential):
            plan |= {f"{name}.{k}".lstrip("."): style for k, style in _split_pairs(layer, parts).items()}
        if name in plan:
            continue
        if isinstance(layer, nn.Linear) and layer.out_features % parts == 0:
            plan[name] = ColwiseParallel(output_layouts=Replicate())
        elif _is_convolution(layer) and layer.groups == 1 and layer.out_channels % parts == 0:
            plan[name] = FilterwiseParallel()
    return plan


class FilterwiseParallel(ParallelStyle):
    """A parallel style that divides a convolution's filters among the processes, and gathers their output maps."""

    def _apply(self, module: nn.Module, device_mesh: DeviceMesh) -> nn.Module:
        """Replace a convolution's parameters by this process's filters, and make it return all gathered output maps."""
        for name, parameter in list(module.named_parameters(recurse=False)):
            split = distribute_tensor(parameter.detach(), device_mesh, [Shard(0)])
            module.register_parameter(name, nn.Parameter(split, parameter.requires_grad))
        convolve: Any = module._conv_forward

        def convolve_own_filters(x: Tensor, weight: DTensor, bias: DTensor | None) -> Tensor:
            """Return all output maps of a convolution. This process computes the maps of the filters that it holds."""
            whole = DTensor.from_local(x, device_mesh, [Replicate()], run_check=False)
            maps = convolve(
                # The gradient of the input is the sum of all processes' gradients.
                whole.to_local(grad_placements=[Partial()]),
                weight.to_local(),
                None if bias is None else bias.to_local(),
            )
            channels = maps.dim() - weight.dim() + 1
            gathered = DTensor.from_local(maps, device_mesh, [Shard(channels)], run_check=False)
            return gathered.redistribute(placements=[Replicate()]).to_local()

        module._conv_forward = convolve_own_filters  # type: ignore[assignment]
        return module


def whole(tensor: Tensor) -> Tensor:
    """Return a parameter or gradient as one full tensor, gathered from all processes if it is split.

    Parameters
    ----------
    tensor : torch.Tensor
        A parameter or gradient.

    Returns
    -------
    torch.Tensor
        The full tensor, or `tensor` itself if it is not split.
    """
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _is_convolution(layer: nn.Module) -> Any:
    """Return whether the layer is a convolution."""
    return isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d)


def _split_pairs(layers: nn.Sequential, parts: int) -> dict[str, ParallelStyle]:
    """Return how to split pairs of linear layers with only element-wise functions between them, by layer index."""
    plan: dict[str, ParallelStyle] = {}
    row = list(layers)
    linear = [(k, layer) for k, layer in enumerate(row) if isinstance(layer, nn.Linear)]
    for (first, layer), (second, _) in pairwise(linear):
        between = all(isinstance(function, ELEMENTWISE) for function in row[first + 1 : second])
        if between and str(first) not in plan and layer.out_features % parts == 0:
            plan |= {str(first): ColwiseParallel(), str(second): RowwiseParallel()}
    return plan
