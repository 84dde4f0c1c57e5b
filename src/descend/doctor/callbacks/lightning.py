"""For Lightning: `Trainer(callbacks=[LightningCallback()])`."""

from typing import Any

from descend.doctor.observing.in_process_watch import Watch, watch

try:
    from lightning.pytorch import Callback
except ModuleNotFoundError:
    from pytorch_lightning import Callback  # type: ignore[assignment, no-redef, unused-ignore] # its older name


class LightningCallback(Callback):  # type: ignore[misc, unused-ignore] # it has no types where it is not installed
    """Watches each fit; the options are those of `descend.watch`. Only the first process of several is watched.

    >>> trainer = Trainer(callbacks=[descend.LightningCallback(on_finding=print)])
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self.watch: Watch | None = None

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin."""
        if trainer.is_global_zero:
            self.watch = watch(pl_module, trainer.optimizers, **self._options).__enter__()

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """End."""
        self._end(None)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """End where the training fails."""
        self._end(exception)

    def _end(self, error: BaseException | None) -> None:
        if self.watch is not None and self.watch.is_on:
            self.watch.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
