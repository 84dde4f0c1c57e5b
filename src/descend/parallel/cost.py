"""Predict the time, communication and memory of a training step for each layout of processes.

The prediction uses one process's time and memory for each layer, and the bandwidth and latency between two processes.
A ring all-reduce of G bytes over d processes takes 2(d − 1)/d · G/bandwidth + 2(d − 1) · latency. An all-gather takes
half of that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from descend.parallel.layout import Layout
from descend.parallel.stages import find_balanced_cuts

# share of a step's operations in the backward pass: it has two matrix products per layer, the forward pass has one
BACKWARD = 2 / 3
BUCKET = 25 * 2**20  # DistributedDataParallel sends gradients in buckets of this many bytes, during the backward pass.
Style = Literal["", "outputs", "first", "second"]


@dataclass(frozen=True)
class Layer:
    """The cost of a layer's forward and backward pass: seconds, and bytes of weights and of one example's activations.

    fixed: seconds per batch of any size. each: additional seconds per example. outputs: the number of columns or
    filters that can be split, 0 for a layer of another kind. paired: whether the layer can be split together with the
    preceding linear layer. follows: whether the layer's input needs a gradient.
    """

    name: str
    fixed: float
    each: float
    input_bytes: float
    output_bytes: float
    weight_bytes: float
    outputs: int = 0
    paired: bool = False
    follows: bool = True

    def seconds(self, examples: float, parts: int = 1) -> float:
        """Return the seconds that the layer takes for a number of examples, if it is split into `parts` parts."""
        return self.fixed + self.each * examples / parts


@dataclass(frozen=True)
class Work:
    """The cost of one training step in a single process: seconds, bytes of memory, and the costs of all layers.

    kept: bytes of activations per example for the backward pass. state: bytes of the optimizer state. update: seconds
    of the optimizer's step. granule: the device processes examples in multiples of this number. overlaps: whether
    gradients are sent during the backward pass.
    """

    layers: Sequence[Layer]
    batch: int
    kept: float = 0.0
    state: float = 0.0
    update: float = 0.0
    granule: int = 1
    overlaps: bool = True

    @property
    def weight_bytes(self) -> float:
        """Return the number of bytes of the weights of all layers."""
        return sum(layer.weight_bytes for layer in self.layers)

    def memory(self, held: float, examples: float) -> float:
        """Return the bytes of memory for a number of examples and for `held` bytes of weights with their state."""
        return held * (2 + self.state / self.weight_bytes) + self.kept * examples

    def update_seconds(self, held: float) -> float:
        """Return the seconds that an optimizer step takes if a process has `held` bytes of weights."""
        return self.update * held / self.weight_bytes

    def round_up(self, examples: float) -> float:
        """Return `examples`, rounded up to a multiple of `granule`."""
        return self.granule * ceil(examples / self.granule) if self.granule > 1 else examples


@dataclass(frozen=True)
class Link:
    """The connection between two processes: bandwidth in bytes per second, latency in seconds."""

    bandwidth: float
    latency: float

    def all_reduce_seconds(self, size: float, processes: int) -> float:
        """Return the seconds of a ring all-reduce of `size` bytes per process."""
        return 2 * self.all_gather_seconds(size, processes)

    def all_gather_seconds(self, size: float, processes: int) -> float:
        """Return the seconds of a ring all-gather, after which every process has all `size` bytes."""
        return (processes - 1) * (size / processes / self.bandwidth + self.latency) if processes > 1 else 0.0

    def send_seconds(self, size: float) -> float:
        """Return the seconds that it takes to send `size` bytes to another process."""
        return size / self.bandwidth + self.latency

    @property
    def slowest(self) -> "Link":
        """The slowest connection between two processes."""
        return self

    def within_group(self, size: int) -> "Link":
        """Return the connection between processes with consecutive ranks, which split one model."""
        return self

    def across_groups(self, groups: int, size: int) -> "Link":
        """Return the connection between the processes of the same rank in several groups of `size` processes."""
        return self


@dataclass(frozen=True)
class Machines:
    """Machines of `size` processes each: a link within each machine, and one between machines, which all share.

    Consecutive ranks are on one machine, as torchrun starts them.
    """

    within: Link
    between: Link
    size: int

    @property
    def slowest(self) -> Link:
        """The slowest connection between two processes."""
        return self.between

    def within_group(self, size: int) -> Link:
        """Return the connection between processes with consecutive ranks, which split one model."""
        return self.within if size <= self.size else self.between

    def across_groups(self, groups: int, size: int) -> Link:
        """Return the connection between the processes of the same rank in several groups of `size` processes.

        The groups on a machine send at the same time, so each gets its share of the bandwidth between machines.
        """
        if groups * size <= self.size:
            return self.within
        return Link(self.between.bandwidth / min(size, self.size), self.between.latency)


@dataclass(frozen=True)
class Forecast:
    """The predicted cost of a training step: total seconds, seconds of waiting, and bytes of memory per process."""

    layout: Layout
    seconds: float
    waiting: float
    memory: float


def layouts(world: int) -> Iterator[Layout]:
    """Yield every synchronous layout that uses `world` processes."""
    for data in range(world, 0, -1):
        if world % data == 0:
            parts = world // data
            yield Layout(data=data, tensor=parts)
            if parts > 1:
                yield Layout(data=data, pipeline=parts)


def forecast(work: Work, layout: Layout, link: Link | Machines) -> Forecast:
    """Return the predicted time, communication and memory of a training step with a layout.

    Raises `ValueError` if there are fewer examples than replicas or micro-batches, fewer layers than stages, or no
    layer that can be split into `layout.tensor` parts.
    """
    examples = work.batch / layout.data
    if examples < layout.micro_batches ** (layout.pipeline > 1):
        raise ValueError(f"a batch of {work.batch} examples is too small for {layout}")
    if layout.pipeline > 1:
        return _pipeline_forecast(work, layout, link, examples)
    styles = choose_split_styles(work.layers, layout.tensor)
    if layout.tensor > 1 and not any(styles):
        raise ValueError(
            f"no layer can be split into {layout.tensor} parts, because no layer has a number of outputs that is "
            f"divisible by {layout.tensor}"
        )
    parts = [layout.tensor if style else 1 for style in styles]
    computing = sum(layer.seconds(work.round_up(examples), n) for layer, n in zip(work.layers, parts))
    inner, outer = link.within_group(layout.tensor), link.across_groups(layout.data, layout.tensor)
    within = sum(
        _split_layer_seconds(layer, style, examples, layout.tensor, inner) for layer, style in zip(work.layers, styles)
    )
    weights = sum(layer.weight_bytes / n for layer, n in zip(work.layers, parts))
    if layout.tensor > 1 and layout.data > 1:
        # Sharded weights are gathered in the forward and in the backward pass, and gradients are scattered.
        across, held = 3 * outer.all_gather_seconds(weights, layout.data), weights / layout.data
    else:
        across, held = (
            _exposed_seconds(
                work, outer.all_reduce_seconds(weights, layout.data), weights, computing, layout.data, outer
            ),
            weights,
        )
    seconds = computing + work.update_seconds(held) + within + across
    return Forecast(layout, seconds, within + across, work.memory(held, examples))


def _exposed_seconds(work: Work, sending: float, weights: float, computing: float, replicas: int, link: Link) -> float:
    """Return the seconds for which gradients are still sent after the backward pass has ended."""
    if not work.overlaps:
        return sending
    return max(sending - BACKWARD * computing, link.all_reduce_seconds(min(weights, BUCKET), replicas))


def choose_split_styles(layers: Sequence[Layer], parts: int) -> list[Style]:
    """Return each layer's kind of split: by outputs, "first" or "second" of a pair, or "" for no split."""
    found: list[Style] = []
    for layer, following in zip(layers, [*layers[1:], None]):
        if found and found[-1] == "first":
            found.append("second")
        elif parts == 1 or not layer.outputs or layer.outputs % parts:
            found.append("")
        else:
            found.append("first" if following is not None and following.paired else "outputs")
    return found


def _split_layer_seconds(layer: Layer, style: Style, examples: float, parts: int, link: Link) -> float:
    """Return the seconds that a split layer needs to communicate its outputs and its inputs' gradients."""
    into, out = layer.input_bytes * examples, layer.output_bytes * examples
    backwards = link.all_reduce_seconds(into, parts) if layer.follows else 0.0
    match style:
        case "outputs":
            return link.all_gather_seconds(out, parts) + backwards
        case "first":
            return backwards
        case "second":
            return link.all_reduce_seconds(out, parts)
        case _:
            return 0.0


def _pipeline_forecast(work: Work, layout: Layout, link: Link | Machines, examples: float) -> Forecast:
    """Return the predicted cost of a training step with a pipeline layout."""
    micro = examples / layout.micro_batches
    costs = [layer.seconds(work.round_up(micro)) for layer in work.layers]
    cuts = find_balanced_cuts(costs, layout.pipeline)
    ends = list(zip([0, *cuts], [*cuts, len(costs)]))
    slowest = max(sum(costs[start:end]) for start, end in ends)
    inner, outer = link.within_group(layout.pipeline), link.across_groups(layout.data, layout.pipeline)
    crossing = max(2 * inner.send_seconds(work.layers[cut - 1].output_bytes * micro) for cut in cuts)
    ticks = layout.micro_batches + layout.pipeline - 1
    largest = max(sum(layer.weight_bytes for layer in work.layers[start:end]) for start, end in ends)
    across = outer.all_reduce_seconds(largest, layout.data)
    update = work.update_seconds(largest)
    seconds = ticks * (slowest + crossing) + update + across
    memory = work.memory(largest, examples / layout.pipeline)
    return Forecast(layout, seconds, seconds - update - layout.micro_batches * slowest, memory)
