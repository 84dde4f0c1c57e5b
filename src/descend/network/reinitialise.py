"""Weights drawn anew, at the scale that keeps activations and gradients the same size from layer to layer.

A remedy that patches call: it asks for nothing but the model, and leaves torch's generator as it is. Initialisers to
compare are in `initialisation_schemes`.
"""

from collections.abc import Iterator
from hashlib import sha256

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from descend.network.gains import GAINS, RECTIFIERS, draw_kaiming, gain_of

EMBEDDINGS = nn.Embedding | nn.EmbeddingBag
DEFAULT = "default"
SAMPLE = 1024  # weights of a layer that enter the seed


def reinitialise(model: nn.Module, activation: str = "relu") -> int:
    """Draw the weights of every linear and convolutional layer anew and set its biases to 0; return how many layers.

    Hidden layers: for rectifiers N(0, 2 / fan-in), He et al. 2015, eq. 10 (eq. 15 with a leak); for
    saturating functions U(±gain·√(6 / (fan-in + fan-out))), Glorot & Bengio 2010, eq. 16, with torch's gain
    (tanh 5/3). The output layer, the last one in the order in which the model names them, has no activation
    behind it: gain 1. Normalisation, embeddings, recurrent layers and weights tied to an embedding stay; only one
    whose features are all alike, and would remain so, is drawn from N(0, 1 / features).
    `activation="default"` draws weights and biases as torch itself does, U(±1/√fan-in).

    The weights depend on the state of torch's generator, and do not advance it. Raises `ValueError` for an activation
    that is not known.
    """
    if activation not in RECTIFIERS | GAINS.keys() | {DEFAULT}:
        known = ", ".join(sorted(RECTIFIERS | GAINS.keys() | {DEFAULT}))
        raise ValueError(f"no initialisation is known for {activation!r}; known are {known}")
    layers = list(_layers(model))
    generator = torch.Generator().manual_seed(_seed(model, [weight for _, weight in layers]))
    for i, (layer, weight) in enumerate(layers, 1):
        fresh = torch.empty(weight.shape)  # on the CPU in float32: the same weights on every device
        _draw(fresh, layer, activation, generator, is_output=i == len(layers))
        with torch.no_grad():
            weight.copy_(fresh)
            if (bias := layer._parameters.get("bias")) is not None:
                reach = fresh[0].numel() ** -0.5 if activation == DEFAULT else 0.0
                bias.copy_(torch.empty(bias.shape).uniform_(-reach, reach, generator=generator))
    alike = [e for e in model.modules() if isinstance(e, EMBEDDINGS) and _is_alike(e.weight)]
    for embedding in alike:
        fresh = torch.empty(embedding.weight.shape).normal_(0, embedding.embedding_dim**-0.5, generator=generator)
        if embedding.padding_idx is not None:
            fresh[embedding.padding_idx] = 0
        with torch.no_grad():
            embedding.weight.copy_(fresh)
    return len(layers) + len(alike)


def _is_alike(weight: Tensor) -> bool:
    return weight.shape[1] > 1 and bool((weight == weight[:, :1]).all())


def _layers(model: nn.Module) -> Iterator[tuple[nn.Module, Tensor]]:
    """Yield each layer with its weight: a weight that is computed from others (a weight norm) is left out."""
    seen = {id(module.weight) for module in model.modules() if isinstance(module, EMBEDDINGS)}
    for module in model.modules():
        weight = module._parameters.get("weight") if isinstance(module, nn.Linear | _ConvNd) else None
        if weight is None or id(weight) in seen or isinstance(weight, nn.parameter.UninitializedParameter):
            continue
        seen.add(id(weight))
        yield module, weight


def _seed(model: nn.Module, weights: list[Tensor]) -> int:
    """Return a seed from the generator's state and the old weights, so that twin networks still differ.

    The processes that share a parallel model have equal weights and each its own generator: there the weights
    alone decide, or the copies would part.
    """
    is_shared = isinstance(model, nn.parallel.DistributedDataParallel)
    digest = sha256(b"" if is_shared else torch.get_rng_state().numpy().tobytes())
    for weight in weights:
        digest.update(weight.detach().flatten()[:SAMPLE].cpu().double().numpy().tobytes())
    return int.from_bytes(digest.digest()[:8]) >> 1


def _draw(weight: Tensor, layer: nn.Module, activation: str, generator: torch.Generator, *, is_output: bool) -> None:
    if activation == DEFAULT:
        nn.init.kaiming_uniform_(weight, 5**0.5, generator=generator)
        return
    gain = 1.0 if is_output else gain_of(activation)
    if activation in GAINS:
        nn.init.xavier_uniform_(weight, gain, generator=generator)
    else:
        draw_kaiming(weight, layer, gain, generator)
