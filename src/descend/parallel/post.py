"""Send tensors from worker to worker in the forward pass, and their gradients back in the backward pass."""

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
BACK = 1 << 20  # A gradient is sent with the tag of its tensor's message plus this offset.


class Post:
    """Sends and receives the tensors of one worker. Tensor shapes are sent only once for each shape of the inputs.

    bytes: bytes that this worker has sent in all passes. tensors: the number of tensors that it has sent.
    """

    def __init__(self) -> None:
        self.bytes, self.tensors = 0, 0
        # Received tensors depend on this tensor, so that autograd calls `Received.backward`.
        self.anchor = torch.zeros((), requires_grad=True)
        self._known: dict[Any, tuple[torch.Size, torch.dtype, bool]] = {}
        self._inputs: Any = None
        self._under_way: list[tuple[dist.Work, Tensor]] = []

    def begin(self, inputs: tuple[Tensor, ...], grad: bool) -> None:
        """Prepare a forward pass: wait until the last pass's tensors have been sent, and store the inputs' shapes."""
        for work, _ in self._under_way:
            work.wait()
        self._under_way.clear()
        self._inputs = (*((t.shape, t.dtype) for t in inputs), grad)

    def send(self, tensor: Tensor, to: int, tag: int) -> None:
        """Start to send a tensor to another worker, without waiting until it has arrived."""
        tensor = tensor.detach().contiguous()
        self._start_send(tensor, to, tag)
        self.bytes += tensor.numel() * tensor.element_size()
        self.tensors += 1

    def announce(self, tensor: Tensor, to: int, tag: int) -> None:
        """Send a tensor's shape and dtype to another worker, unless it already has them from an earlier pass."""
        key = (self._inputs, to, tag)
        if key in self._known:
            return
        self._known[key] = (tensor.shape, tensor.dtype, tensor.requires_grad)
        header = [DTYPES.index(tensor.dtype), int(tensor.requires_grad), tensor.dim(), *tensor.shape]
        self._start_send(torch.tensor(header + [0] * (3 + MOST_DIMENSIONS - len(header))), to, tag)

    def expect(self, sender: int, tag: int) -> tuple[torch.Size, torch.dtype, bool]:
        """Return the shape and dtype of the tensor that `sender` will send, and whether it needs a gradient."""
        key = (self._inputs, sender, tag)
        if key not in self._known:
            header = torch.empty(3 + MOST_DIMENSIONS, dtype=torch.int64)
            dist.recv(header, sender, tag=tag)
            kind, grad, dimensions, *shape = header.tolist()
            self._known[key] = (torch.Size(shape[:dimensions]), DTYPES[kind], bool(grad))
        return self._known[key]

    def _start_send(self, tensor: Tensor, to: int, tag: int) -> None:
        """Start an asynchronous send, and keep the tensor in memory until the send has finished."""
        work = dist.isend(tensor, to, tag=tag)
        assert work is not None
        self._under_way.append((work, tensor))


class Sent(torch.autograd.Function):
    """An autograd function that sends a tensor to another worker. Its backward pass receives the tensor's gradient."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, post: Post, to: int, tag: int) -> Tensor:
        """Send the tensor, and return a scalar. If the loss depends on this scalar, autograd calls `backward`."""
        ctx.to, ctx.tag, ctx.like = to, tag, (tensor.shape, tensor.dtype)
        post.announce(tensor, to, tag)
        post.send(tensor, to, tag)
        return torch.zeros(())

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        """Receive the gradient of the sent tensor, and return it."""
        grad = torch.empty(ctx.like[0], dtype=ctx.like[1])
        dist.recv(grad, ctx.to, tag=ctx.tag + BACK)
        return grad, None, None, None


class Received(torch.autograd.Function):
    """An autograd function that receives a tensor from another worker. Its backward pass sends back the gradient."""

    @staticmethod
    def forward(ctx: Any, anchor: Tensor, post: Post, sender: int, tag: int) -> Tensor:
        """Receive a tensor of the announced shape and dtype, and return it."""
        shape, dtype, grad = post.expect(sender, tag)
        tensor = torch.empty(shape, dtype=dtype)
        dist.recv(tensor, sender, tag=tag)
        ctx.post, ctx.sender, ctx.tag = post, sender, tag
        if not grad:
            ctx.mark_non_differentiable(tensor)
        return tensor

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Send the gradient of the received tensor to the worker that sent the tensor."""
        ctx.post.send(grads[0], ctx.sender, ctx.tag + BACK)
        return torch.zeros(()), None, None, None


class TiedOutput(torch.autograd.Function):
    """An autograd function that returns its first input unchanged. Its other inputs get zero gradients."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, *others: Tensor) -> Tensor:
        """Return a copy of the output that also depends on the sent and received tensors in `others`."""
        ctx.shapes = [t.shape for t in others]
        return output.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Return the gradient of the output, and zero gradients for the other tensors."""
        return grads[0], *[torch.zeros(()).expand(shape) for shape in ctx.shapes]
