"""Reinitialisation at a scale that preserves activations and gradients from layer to layer.

It needs the model only, and does not advance torch's generator. Schemes to compare are in `initialisation_schemes`.
"""

from collections.abc import Iterator
from hashlib import sha256

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from descend.network.gains import GAINS, RECTIFIERS, activation_gain, draw_kaiming

EMBEDDINGS = nn.Embedding | nn.EmbeddingBag
DEFAULT = "default"
SAMPLE = 1024  # largest number of weights of each layer from which the seed is computed


def reinitialise(model: nn.Module, activation: str = "relu") -> int:
    """Draw new weights for every linear and convolutional layer and set biases to 0. Return the number of layers.

    Hidden layers: N(0, 2 / fan-in) for rectifiers (He et al. 2015, eq. 10; eq. 15 for leaky ReLU), and U(±gain·√(6 /
    (fan-in + fan-out))) for saturating functions (Glorot & Bengio 2010, eq. 16), with torch's gain (5/3 for tanh). The
    output layer is the last one in the order of `model.modules()`; its gain is 1. Normalisation, embeddings, recurrent
    layers and weights tied to an embedding stay unchanged. Only an embedding with equal features is drawn from N(0, 1 /
    features). `activation="default"` draws weights and biases as torch does, U(±1/√fan-in).

    The weights depend on the state of torch's generator, but do not advance it.

    Parameters
    ----------
    model : torch.nn.Module
        The model to change.
    activation : str
        The name of the hidden layers' activation, such as "relu" or "tanh"; "default" for torch's own initialisation.

    Returns
    -------
    int
        The number of layers with new weights.

    Raises
    ------
    ValueError
        For an unknown activation.
    """
    if activation not in RECTIFIERS | GAINS.keys() | {DEFAULT}:
        known = ", ".join(sorted(RECTIFIERS | GAINS.keys() | {DEFAULT}))
        raise ValueError(f"there is no initialisation for {activation!r}; the activations are {known}")
    layers = list(_weighted_layers(model))
    generator = torch.Generator().manual_seed(_derive_seed(model, [weight for _, weight in layers]))
    for i, (layer, weight) in enumerate(layers, 1):
        # The weights are drawn on the CPU in float32, so that they are the same on every device.
        fresh = torch.empty(weight.shape)
        _draw_weight(fresh, layer, activation, generator, is_output=i == len(layers))
        with torch.no_grad():
            weight.copy_(fresh)
            if (bias := layer._parameters.get("bias")) is not None:
                reach = fresh[0].numel() ** -0.5 if activation == DEFAULT else 0.0
                bias.copy_(torch.empty(bias.shape).uniform_(-reach, reach, generator=generator))
    alike = [e for e in model.modules() if isinstance(e, EMBEDDINGS) and _has_equal_features(e.weight)]
    for embedding in alike:
        fresh = torch.empty(embedding.weight.shape).normal_(0, embedding.embedding_dim**-0.5, generator=generator)
        if embedding.padding_idx is not None:
            fresh[embedding.padding_idx] = 0
        with torch.no_grad():
            embedding.weight.copy_(fresh)
    return len(layers) + len(alike)


def _has_equal_features(weight: Tensor) -> bool:
    """Return whether each row of an embedding consists of equal numbers, so that its features would stay equal."""
    return weight.shape[1] > 1 and bool((weight == weight[:, :1]).all())


def _weighted_layers(model: nn.Module) -> Iterator[tuple[nn.Module, Tensor]]:
    """Yield each linear or convolutional layer and its weight, unless the weight is computed, as by weight norm."""
    seen = {id(module.weight) for module in model.modules() if isinstance(module, EMBEDDINGS)}
    for module in model.modules():
        weight = module._parameters.get("weight") if isinstance(module, nn.Linear | _ConvNd) else None
        if weight is None or id(weight) in seen or isinstance(weight, nn.parameter.UninitializedParameter):
            continue
        seen.add(id(weight))
        yield module, weight


def _derive_seed(model: nn.Module, weights: list[Tensor]) -> int:
    """Return a seed computed from torch's generator and the old weights, so that two networks get different seeds.

    In data-parallel training only the weights determine the seed: the processes have equal weights and different
    generators.
    """
    is_shared = isinstance(model, nn.parallel.DistributedDataParallel)
    digest = sha256(b"" if is_shared else torch.get_rng_state().numpy().tobytes())
    for weight in weights:
        digest.update(weight.detach().flatten()[:SAMPLE].cpu().double().numpy().tobytes())
    return int.from_bytes(digest.digest()[:8]) >> 1


def _draw_weight(
    weight: Tensor, layer: nn.Module, activation: str, generator: torch.Generator, *, is_output: bool
) -> None:
    """Fill the weight of a layer with random numbers, drawn by the initialisation scheme for `activation`."""
    if activation == DEFAULT:
        nn.init.kaiming_uniform_(weight, 5**0.5, generator=generator)
        return
    gain = 1.0 if is_output else activation_gain(activation)
    if activation in GAINS:
        nn.init.xavier_uniform_(weight, gain, generator=generator)
    else:
        draw_kaiming(weight, layer, gain, generator)
