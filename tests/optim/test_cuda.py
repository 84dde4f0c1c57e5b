"""On a GPU: the rules step there, and a CUDA graph can hold a step."""

import pytest
import torch
from rules import RULES, make, tensors

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def on_gpu(values: list[torch.Tensor]) -> list[torch.Tensor]:
    return [value.detach().cuda().requires_grad_() for value in values]


def give(parameters: list[torch.Tensor], step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for parameter in parameters:
        gradient = torch.randn(parameter.shape, generator=generator).to(parameter)
        parameter.grad = gradient if parameter.grad is None else parameter.grad.copy_(gradient)


@pytest.mark.parametrize("name", RULES)
def test_the_same_steps_as_on_the_cpu(name):
    here, there = tensors((7, 3), (1000,)), on_gpu(tensors((7, 3), (1000,)))
    first, second = make(name, here), make(name, there)
    for step in range(10):
        give(here, step)
        give(there, step)
        first.step()
        second.step()
    for a, b in zip(here, there, strict=True):
        assert torch.allclose(a, b.cpu(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["SGD momentum", "Adam", "NAdam", "RMSprop", "LAMB"])
def test_a_graph_replays_the_step(name):
    plain, captured = (on_gpu(tensors((7, 3), (1000,))) for _ in range(2))
    first, second = (make(name, p, capturable=True) for p in (plain, captured))
    give(captured, 0)
    second.step()  # makes the state
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        second.step()
    for step in range(6):
        give(plain, step)
        first.step()
        if step:
            give(captured, step)
            graph.replay()
    for a, b in zip(plain, captured, strict=True):
        assert torch.allclose(a, b, rtol=1e-5)
