"""What a CPU refuses with an error and a GPU by an assertion, which ends its context and with it the script.

A replay with other values than the script's has a CPU make such calls first: an index that is out of range or a
probability that is none then raises what it raises there, and the GPU is not asked.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from descend.doctor.tape.nesting import leaves, mapped
from descend.doctor.tape.trace import is_wrapped

# Calls whose values torch checks on the device: the first was seen to end a script, the others take values of its kind
_PROBABILITIES = frozenset({"binary_cross_entropy", "bernoulli", "multinomial"})
_INDICES = frozenset(
    "cross_entropy nll_loss multi_margin_loss multilabel_margin_loss embedding embedding_bag one_hot gather take "
    "take_along_dim getitem setitem index_select index_add index_copy index_fill index_put scatter scatter_add "
    "scatter_reduce".split()
)


def is_on_gpu(tensors: Iterable[Tensor]) -> bool:
    """Whether any of the tensors lies on a GPU."""
    return any(tensor.is_cuda for tensor in tensors)


def ask_cpu(name: str, func: Any, args: tuple, kwargs: Mapping[str, Any]) -> None:
    """Raise what the call raises on a CPU for values outside its domain; nothing where it does not check them.

    Of an indexed call the numbers do not matter, and are not copied: zeros of their shapes are.
    """
    plain = name.strip("_")
    given = [leaf for leaf in leaves((args, dict(kwargs))) if isinstance(leaf, Tensor)]
    if plain not in _PROBABILITIES | _INDICES or any(map(is_wrapped, given)):
        return
    writes = name.endswith("_") and name != "__getitem__"

    def on_cpu(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        if plain in _PROBABILITIES or not (leaf.is_floating_point() or leaf.is_complex()):
            copy = leaf.detach().cpu()
            return copy.float() if copy.is_floating_point() else copy.clone() if writes else copy
        return torch.zeros(leaf.shape) if writes else torch.zeros(()).expand(leaf.shape)

    others = {key: value for key, value in kwargs.items() if key not in ("generator", "device", "out")}
    try:
        with torch.no_grad():
            func(*mapped(on_cpu, args), **mapped(on_cpu, others))
    except NotImplementedError:
        pass  # a GPU can do what a CPU cannot
