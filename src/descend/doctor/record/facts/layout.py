"""What a script's step takes, layer by layer, and what it is foretold to take on several processes."""

from dataclasses import dataclass

from descend.doctor.record.facts.shown import Settings


@dataclass(frozen=True)
class LayerCost:
    """What a call that meets a parameter takes, and the calls after it that meet none."""

    name: str
    seconds: float  # forwards
    input_bytes: int  # of its largest input that is no parameter
    output_bytes: int  # of the last output that is known
    weight_bytes: int  # of its parameters that no earlier layer has
    outputs: int  # that several processes can share; 0 where they cannot
    linear: bool
    paired: bool  # it and the layer before are linear, with activations alone between them
    follows: bool  # it is not the first


@dataclass(frozen=True)
class StepCost:
    """What a step of the script takes on one process."""

    examples: int  # in its batch
    seconds: float  # forwards and backwards
    seconds_of_one: float | None  # the same for one example; None where the step cannot be taken apart
    update_seconds: float  # of the optimizer's step
    kept_bytes: int  # that the forward pass leaves for the backward pass
    state_bytes: int  # of the optimizer's state
    layers: tuple[LayerCost, ...]
    optimizer: Settings  # empty where there is none


@dataclass(frozen=True)
class Forecast:
    """What a step is foretold to take with one layout on several processes."""

    seconds: float
    waiting: float  # seconds of them in which nothing is computed
    memory: float  # bytes of a process
    alone: float  # seconds of a step on one process
    recommended: bool
    world: int  # processes
    bandwidth: float  # of the link between two: bytes a second,
    latency: float  # and seconds until the first arrives
    given: tuple[str | None, str | None]  # bandwidth and latency as the user has given them; None where measured
