"""What a step costs when its work is spread: time, communication and memory of each layout, foretold.

From what one process needs for each layer, and the bandwidth and latency of the link between two. A ring reduces G
bytes over d processes in 2(d − 1)/d · G/bandwidth + 2(d − 1) · latency, and gathers them in half of that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from descend.parallel.layout import Layout
from descend.parallel.stages import balanced

BACKWARD = 2 / 3  # of the operations of a step: the gradients of inputs and of weights, and the forward pass once
BUCKET = 25 * 2**20  # bytes of gradients that DistributedDataParallel sends together, behind the backward pass
Style = Literal["", "outputs", "first", "second"]


@dataclass(frozen=True)
class Layer:
    """What one layer needs, forwards and backwards. Bytes of inputs and outputs are those of one example.

    fixed, each: seconds, whatever the batch, and of an example. outputs: columns or filters that can be divided, 0 for
    a layer of another kind. paired: whether it can be split together with the linear layer before it. follows: whether
    its input has a gradient.
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
        """The time of a step's part in it, where it is split into so many."""
        return self.fixed + self.each * examples / parts


@dataclass(frozen=True)
class Work:
    """One step of one process.

    kept: bytes that an example leaves for the backward pass; state: of the optimizer; update: the seconds of its step.
    granule: examples that take as long as fewer of them. overlaps: whether gradients are sent during the backward pass.
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
        """Of all layers."""
        return sum(layer.weight_bytes for layer in self.layers)

    def memory(self, held: float, examples: float) -> float:
        """The bytes of a process that holds so many of the weights', and what so many examples leave."""
        return held * (2 + self.state / self.weight_bytes) + self.kept * examples

    def updating(self, held: float) -> float:
        """The seconds in which a process updates so many bytes of weights."""
        return self.update * held / self.weight_bytes

    def rounded(self, examples: float) -> float:
        """As many examples as take the same time."""
        return self.granule * ceil(examples / self.granule) if self.granule > 1 else examples


@dataclass(frozen=True)
class Link:
    """Between two processes: bytes a second, and seconds until the first arrives."""

    bandwidth: float
    latency: float

    def reduced(self, size: float, processes: int) -> float:
        """Seconds in which so many processes have the sum of so many bytes."""
        return 2 * self.gathered(size, processes)

    def gathered(self, size: float, processes: int) -> float:
        """Seconds in which each of so many processes has what all have parts of."""
        return (processes - 1) * (size / processes / self.bandwidth + self.latency) if processes > 1 else 0.0

    def sent(self, size: float) -> float:
        """Seconds in which so many bytes have arrived."""
        return size / self.bandwidth + self.latency


@dataclass(frozen=True)
class Forecast:
    """Seconds of a step with a layout, of them those that nothing is computed in, and the bytes of a process."""

    layout: Layout
    seconds: float
    waiting: float
    memory: float


def layouts(world: int) -> Iterator[Layout]:
    """Yield every synchronous layout of so many processes."""
    for data in range(world, 0, -1):
        if world % data == 0:
            parts = world // data
            yield Layout(data=data, tensor=parts)
            if parts > 1:
                yield Layout(data=data, pipeline=parts)


def forecast(work: Work, layout: Layout, link: Link) -> Forecast:
    """Return what a step costs with a layout.

    Raises `ValueError` where there are fewer examples than replicas or micro-batches, fewer layers than stages, or no
    layer that can be split so.
    """
    examples = work.batch / layout.data
    if examples < layout.micro_batches ** (layout.pipeline > 1):
        raise ValueError(f"{work.batch} examples are too few for {layout}")
    if layout.pipeline > 1:
        return _staged(work, layout, link, examples)
    styles = split(work.layers, layout.tensor)
    if layout.tensor > 1 and not any(styles):
        raise ValueError(f"no layer has outputs that {layout.tensor} divides")
    parts = [layout.tensor if style else 1 for style in styles]
    computing = sum(layer.seconds(work.rounded(examples), n) for layer, n in zip(work.layers, parts))
    within = sum(_within(layer, style, examples, layout.tensor, link) for layer, style in zip(work.layers, styles))
    weights = sum(layer.weight_bytes / n for layer, n in zip(work.layers, parts))
    if layout.tensor > 1 and layout.data > 1:  # sharded: gathered for either pass, and the gradients scattered
        across, held = 3 * link.gathered(weights, layout.data), weights / layout.data
    else:
        across, held = _behind(work, link.reduced(weights, layout.data), weights, computing, layout.data, link), weights
    seconds = computing + work.updating(held) + within + across
    return Forecast(layout, seconds, within + across, work.memory(held, examples))


def _behind(work: Work, sending: float, weights: float, computing: float, replicas: int, link: Link) -> float:
    """What is left of the time of sending when it goes on behind the backward pass, but for the last bucket."""
    if not work.overlaps:
        return sending
    return max(sending - BACKWARD * computing, link.reduced(min(weights, BUCKET), replicas))


def split(layers: Sequence[Layer], parts: int) -> list[Style]:
    """Return how each layer is split: by its outputs, which are gathered; as one of a pair; or not at all."""
    found: list[Style] = []
    for layer, following in zip(layers, [*layers[1:], None]):
        if found and found[-1] == "first":
            found.append("second")
        elif parts == 1 or not layer.outputs or layer.outputs % parts:
            found.append("")
        else:
            found.append("first" if following is not None and following.paired else "outputs")
    return found


def _within(layer: Layer, style: Style, examples: float, parts: int, link: Link) -> float:
    """Seconds of communication in a layer that is split: its outputs forwards, its inputs' gradients backwards."""
    into, out = layer.input_bytes * examples, layer.output_bytes * examples
    backwards = link.reduced(into, parts) if layer.follows else 0.0
    match style:
        case "outputs":
            return link.gathered(out, parts) + backwards
        case "first":
            return backwards
        case "second":
            return link.reduced(out, parts)
        case _:
            return 0.0


def _staged(work: Work, layout: Layout, link: Link, examples: float) -> Forecast:
    micro = examples / layout.micro_batches
    costs = [layer.seconds(work.rounded(micro)) for layer in work.layers]
    cuts = balanced(costs, layout.pipeline)
    ends = list(zip([0, *cuts], [*cuts, len(costs)]))
    slowest = max(sum(costs[start:end]) for start, end in ends)
    crossing = max(2 * link.sent(work.layers[cut - 1].output_bytes * micro) for cut in cuts)
    ticks = layout.micro_batches + layout.pipeline - 1
    largest = max(sum(layer.weight_bytes for layer in work.layers[start:end]) for start, end in ends)
    across = link.reduced(largest, layout.data)
    update = work.updating(largest)
    seconds = ticks * (slowest + crossing) + update + across
    memory = work.memory(largest, examples / layout.pipeline)
    return Forecast(layout, seconds, seconds - update - layout.micro_batches * slowest, memory)
