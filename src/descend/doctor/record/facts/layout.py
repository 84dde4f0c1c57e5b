"""Facts about the time and memory of a step by layer, and their prediction for several processes."""

from dataclasses import dataclass

from descend.doctor.record.facts.shown import Settings


@dataclass(frozen=True)
class LayerCost:
    """Time and memory of one layer: a call that uses parameters, and the calls without parameters that follow it."""

    name: str
    seconds: float  # seconds of the forward pass
    input_bytes: int  # bytes of the largest input that is not a parameter
    output_bytes: int  # bytes of the output of the last call whose output size is known
    weight_bytes: int  # bytes of those parameters that no earlier layer uses
    outputs: int  # number of output features that can be split between processes; 0 if they cannot be split
    linear: bool
    paired: bool  # whether this layer and the previous one are linear, with only activations between them
    follows: bool  # whether another layer precedes this one


@dataclass(frozen=True)
class StepCost:
    """Time and memory of a step of the script on one process."""

    examples: int  # number of examples in the batch
    seconds: float  # seconds of the forward and the backward pass
    seconds_of_one: float | None  # seconds of both passes for a batch of one example; None if they cannot be measured
    update_seconds: float  # seconds of the optimizer's step
    kept_bytes: int  # bytes that the forward pass saves for the backward pass
    state_bytes: int  # bytes of the optimizer's state
    layers: tuple[LayerCost, ...]
    optimizer: Settings  # the optimizer's settings; empty if there is no optimizer


@dataclass(frozen=True)
class Forecast:
    """The predicted time and memory of a step that is distributed over several processes in one layout."""

    seconds: float
    waiting: float  # seconds of a step in which a process waits instead of computing
    memory: float  # bytes of memory per process
    alone: float  # duration of the step on a single process, in seconds
    recommended: bool
    world: int  # number of processes
    bandwidth: float  # bandwidth of the link between two processes, in bytes per second
    latency: float  # latency of the link between two processes, in seconds
    # bandwidth and latency from the command line; None for a value that was measured instead
    given: tuple[str | None, str | None]
