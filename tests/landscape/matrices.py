"""Known Hessian matrices: of quadratics, and of a small classifier."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, hessian

from descend.landscape import Loss


@dataclass
class Matrices:
    """The Hessian of a mean of quadratics, each known as a matrix."""

    parts: list[Tensor]
    asked: list[Tensor] = field(default_factory=list)

    def products(self, vector: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
        flat = torch.cat([v.reshape(-1) for v in vector])
        self.asked.append(flat)
        sizes = [v.numel() for v in vector]
        images = [(part @ flat).split(sizes) for part in self.parts]
        return [tuple(piece.view_as(v) for piece, v in zip(image, vector)) for image in images]


def with_spectrum(values: Sequence[float], seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    q, _ = torch.linalg.qr(torch.randn(len(values), len(values), dtype=torch.float64, generator=generator))
    return (q @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ q.T).to(dtype)


def direction(size: int, seed: int = 1, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    return [torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)]


def network(dtype: torch.dtype, activation: type[nn.Module] = nn.Tanh):
    """A classifier's losses on three batches, its parameters, and the full Hessian of each loss."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), activation(), nn.Linear(6, 5), activation(), nn.Linear(5, 3)).to(dtype)
    names, theta = zip(*[(n, p.detach().clone()) for n, p in net.named_parameters()])
    sizes = [t.numel() for t in theta]
    batches = [(torch.randn(10, 4, dtype=dtype) * 2, torch.randint(3, (10,))) for _ in range(3)]

    def evaluator(x: Tensor, y: Tensor):
        return lambda at: F.cross_entropy(functional_call(net, dict(zip(names, at)), (x,)), y)

    losses = [evaluator(x, y) for x, y in batches]
    flat = torch.cat([t.reshape(-1) for t in theta])

    def dense(evaluate) -> Tensor:
        return hessian(lambda v: evaluate([p.view_as(t) for p, t in zip(v.split(sizes), theta)]))(flat)

    return Loss(tuple(losses)), theta, [dense(evaluate) for evaluate in losses]
