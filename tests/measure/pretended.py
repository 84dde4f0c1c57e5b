"""A simulated GPU, which finds forbidden mixtures of CPU and GPU tensors without a real one.

Each storage is on the GPU, on the CPU, or unknown. The script's own tensors, and tensors computed from them, are on the
GPU. Tensors that Python creates without a device are on the CPU. A call that mixes both fails as on a real GPU, except
for tensors without dimensions and for indices.
"""

import traceback
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from descend.doctor.tape.nesting import leaves

MAKERS = frozenset(
    "tensor ones zeros full arange rand randn randperm randint eye linspace logspace empty as_tensor from_numpy "
    "scalar_tensor".split()
)
MIXING = frozenset(
    {"copy_", "_to_copy", "index", "index_put_", "index_put", "_index_put_impl_", "detach", "lift_fresh"}
)
GPU, CPU = "gpu", "cpu"


class Places:
    """The device on which each storage is pretended to be."""

    def __init__(self, on_gpu: Iterable[Tensor]) -> None:
        self._known: dict[int, tuple[Any, str]] = {}
        self.met: list[str] = []
        for tensor in on_gpu:
            self.put(tensor, GPU)

    def of(self, tensor: Tensor) -> str:
        try:
            return self._known.get(tensor.untyped_storage()._cdata, (None, ""))[1]
        except (RuntimeError, NotImplementedError):  # sparse, or wrapped by a function transform
            return ""

    def put(self, tensor: Tensor, place: str) -> None:
        try:
            storage = tensor.untyped_storage()
        except (RuntimeError, NotImplementedError):
            return
        self._known[storage._cdata] = (storage, place)  # kept, so that no other is taken for it


class _Calls(TorchFunctionMode):
    def __init__(self, places: Places) -> None:
        super().__init__()
        self.places = places

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        result = func(*args, **kwargs)
        if not isinstance(result, Tensor):
            return result
        if name in MAKERS and "device" not in kwargs and not any(isinstance(a, Tensor) for a in args):
            self.places.put(result, CPU)
        elif name == "cpu":
            result = result.clone() if result is args[0] else result
            self.places.put(result, CPU)
        elif name == "to" and any(isinstance(a, Tensor | torch.device) for a in (*args[1:], *kwargs.values())):
            result = result.clone() if result is args[0] else result
            self.places.put(result, GPU)
        elif kwargs.get("device") is not None:
            self.places.put(result, GPU)
        return result


class _Operations(TorchDispatchMode):
    def __init__(self, places: Places) -> None:
        super().__init__()
        self.places = places

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        name = func._schema.name.partition("::")[2]
        places = [(self.places.of(tensor), tensor.ndim) for tensor in given]
        on_gpu = any(place == GPU for place, _ in places)
        if on_gpu and name not in MIXING and any(place == CPU and ndim for place, ndim in places):
            ours = [frame for frame in traceback.extract_stack() if "/descend/" in frame.filename]
            where = f"{ours[-1].filename.rpartition('/descend/')[2]}:{ours[-1].lineno}" if ours else "?"
            self.places.met.append(f"{name} at {where}")
        result = func(*args, **kwargs)
        for leaf in leaves(result):
            if isinstance(leaf, Tensor) and not self.places.of(leaf):
                known = [place for place, _ in places if place]
                if known:
                    self.places.put(leaf, GPU if on_gpu else CPU)
        return result


class PretendedGpu:
    """A context in which `on_gpu` are on a GPU; `met` lists calls that would fail there, and their lines."""

    def __init__(self, on_gpu: Iterable[Tensor]) -> None:
        self.places = Places(on_gpu)
        self.modes = _Operations(self.places), _Calls(self.places)

    @property
    def met(self) -> list[str]:
        return self.places.met

    def __enter__(self) -> "PretendedGpu":
        for mode in self.modes:
            mode.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        for mode in reversed(self.modes):
            mode.__exit__(*error)
