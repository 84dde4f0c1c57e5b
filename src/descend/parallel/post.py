"""Tensors sent from worker to worker, and their gradients back."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

DTYPES = (
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.uint8,
    torch.bool,
)
MOST_DIMENSIONS = 8
BACK = 1 << 20  # added to the tag of a tensor whose gradient comes back


class Post:
    """What one worker has sent and received. Shapes are told once for each shape of the inputs.

    bytes: that this worker has sent, forwards and backwards. Tensors: their number.
    """

    def __init__(self) -> None:
        self.bytes, self.tensors = 0, 0
        self.anchor = torch.zeros((), requires_grad=True)  # makes what is received a function of something
        self._known: dict[Any, tuple[torch.Size, torch.dtype, bool]] = {}
        self._inputs: Any = None
        self._under_way: list[tuple[dist.Work, Tensor]] = []

    def begin(self, inputs: tuple[Tensor, ...], grad: bool) -> None:
        """Wait until what the last pass sent has gone."""
        for work, _ in self._under_way:
            work.wait()
        self._under_way.clear()
        self._inputs = (*((t.shape, t.dtype) for t in inputs), grad)

    def send(self, tensor: Tensor, to: int, tag: int) -> None:
        """Send a tensor, and go on."""
        tensor = tensor.detach().contiguous()
        self._post(tensor, to, tag)
        self.bytes += tensor.numel() * tensor.element_size()
        self.tensors += 1

    def announce(self, tensor: Tensor, to: int, tag: int) -> None:
        """Tell what a tensor will look like, the first time for such inputs."""
        key = (self._inputs, to, tag)
        if key in self._known:
            return
        self._known[key] = (tensor.shape, tensor.dtype, tensor.requires_grad)
        told = [DTYPES.index(tensor.dtype), int(tensor.requires_grad), tensor.dim(), *tensor.shape]
        self._post(torch.tensor(told + [0] * (3 + MOST_DIMENSIONS - len(told))), to, tag)

    def expect(self, sender: int, tag: int) -> tuple[torch.Size, torch.dtype, bool]:
        """Return shape, type and whether a gradient is wanted of what another sends."""
        key = (self._inputs, sender, tag)
        if key not in self._known:
            told = torch.empty(3 + MOST_DIMENSIONS, dtype=torch.int64)
            dist.recv(told, sender, tag=tag)
            kind, grad, dimensions, *shape = told.tolist()
            self._known[key] = (torch.Size(shape[:dimensions]), DTYPES[kind], bool(grad))
        return self._known[key]

    def _post(self, tensor: Tensor, to: int, tag: int) -> None:
        work = dist.isend(tensor, to, tag=tag)
        assert work is not None
        self._under_way.append((work, tensor))


class Sent(torch.autograd.Function):
    """Sends a tensor to a worker; its backward receives the gradient from there."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, post: Post, to: int, tag: int) -> Tensor:
        """Return a token, on which the loss must depend for the gradient to be waited for."""
        ctx.to, ctx.tag, ctx.like = to, tag, (tensor.shape, tensor.dtype)
        post.announce(tensor, to, tag)
        post.send(tensor, to, tag)
        return torch.zeros(())

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        """Wait for the gradient."""
        grad = torch.empty(ctx.like[0], dtype=ctx.like[1])
        dist.recv(grad, ctx.to, tag=ctx.tag + BACK)
        return grad, None, None, None


class Received(torch.autograd.Function):
    """Receives a tensor from a worker; its backward sends the gradient there."""

    @staticmethod
    def forward(ctx: Any, anchor: Tensor, post: Post, sender: int, tag: int) -> Tensor:
        """Wait for the tensor."""
        shape, dtype, grad = post.expect(sender, tag)
        tensor = torch.empty(shape, dtype=dtype)
        dist.recv(tensor, sender, tag=tag)
        ctx.post, ctx.sender, ctx.tag = post, sender, tag
        if not grad:
            ctx.mark_non_differentiable(tensor)
        return tensor

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Send the gradient."""
        ctx.post.send(grads[0], ctx.sender, ctx.tag + BACK)
        return torch.zeros(()), None, None, None


class Tied(torch.autograd.Function):
    """An output as it is; its backward also reaches what was sent and received, with a gradient of zero."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, *others: Tensor) -> Tensor:
        """Return the output."""
        ctx.shapes = [t.shape for t in others]
        return output.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Pass the output's gradient on."""
        return grads[0], *[torch.zeros(()).expand(shape) for shape in ctx.shapes]
