"""What the user wants to compare: the options of `descend compare`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RequestedSetting:
    """A setting that is varied: over a range, which is searched, or over a list, with one choice for each value."""

    name: str  # as the user typed it, such as "lr" or "Config.batch_size"
    values: tuple[str, ...] = ()  # the values of a list, as typed
    limits: tuple[float, float] | None = None  # the limits of a range


@dataclass(frozen=True)
class Requested:
    """The requested choices. Without any, the choices follow from the script."""

    optimizers: tuple[str, ...] = ()  # names of torch.optim or descend.optim, such as "AdamW" or "Lion"
    settings: tuple[RequestedSetting, ...] = ()
    schedules: tuple[str, ...] = ()  # such as "constant", "linear" or "cosine"
    initialisers: tuple[str, ...] = ()
    clip: tuple[float, ...] = ()  # thresholds of the gradient norm; infinity for no clipping
    find_lr: bool = False  # whether the suggestion of a learning rate range test is one of the choices

    @property
    def is_empty(self) -> bool:
        """Whether the user named no choices, so that they follow from the script."""
        return self == Requested()
