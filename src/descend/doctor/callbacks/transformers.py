"""For Transformers: `Trainer(callbacks=[TransformersCallback()])`."""

from typing import Any

from transformers import TrainerCallback

from descend.doctor.observing.in_process_watch import Watch, watch


class TransformersCallback(TrainerCallback):  # type: ignore[misc, unused-ignore] # it has no types where it is not installed
    """Watches each training; the options are those of `descend.watch`. Only the first process of several is watched.

    >>> trainer = Trainer(model, arguments, train_dataset=data, callbacks=[descend.TransformersCallback()])
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self.watch: Watch | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **known: Any) -> None:
        """Begin."""
        if state.is_world_process_zero:
            optimizer = known.get("optimizer")
            optimizers = [getattr(optimizer, "optimizer", optimizer)] if optimizer is not None else []
            self.watch = watch(known.get("model"), optimizers, **self._options).__enter__()

    def on_train_end(self, args: Any, state: Any, control: Any, **known: Any) -> None:
        """End."""
        if self.watch is not None and self.watch.is_on:
            self.watch.__exit__(None, None, None)
