"""A callback for Lightning: `Trainer(callbacks=[LightningCallback()])`."""

import os
from collections.abc import Sequence
from typing import Any

from descend.doctor.instrumentation.in_process_watch import OnFinding, Watch
from descend.doctor.watch import check_options, watch

MISSING = ""  # why the callback cannot be used
try:
    from lightning.pytorch import Callback
except ModuleNotFoundError:
    try:
        from pytorch_lightning import Callback  # type: ignore[assignment, no-redef, unused-ignore] # its former name
    except ModuleNotFoundError as error:
        MISSING = f"LightningCallback needs Lightning: pip install lightning ({error})"
        Callback = object  # type: ignore[assignment, misc, unused-ignore] # so that the class below exists


class LightningCallback(Callback):  # type: ignore[misc, unused-ignore] # Lightning has no types if it is not installed
    """Watch each call of `Trainer.fit`, in the process of global rank 0 only.

    Parameters
    ----------
    store : str or os.PathLike
        Store the runs in this folder, or in the database with this URL.
    ignore : sequence of str
        The ids of problems that are not reported, such as `["dead_units"]`.
    on_finding : callable, optional
        Called once for each certain finding, from another thread, with a dictionary as in the JSON contract.
    webhook : str
        Post each certain finding as JSON to this URL.

    Raises
    ------
    ModuleNotFoundError
        If Lightning is not installed.
    TypeError
        If an option has the wrong type.
    ValueError
        If an id is unknown, or `webhook` is not a URL.

    Examples
    --------
    >>> trainer = Trainer(callbacks=[descend.LightningCallback(on_finding=print)])
    """

    def __init__(
        self,
        *,
        store: str | os.PathLike[str] = ".descend",
        ignore: Sequence[str] = (),
        on_finding: OnFinding | None = None,
        webhook: str = "",
    ) -> None:
        if MISSING:
            raise ModuleNotFoundError(MISSING)
        check_options(ignore, on_finding, webhook)
        self._options: dict[str, Any] = {
            "store": store,
            "ignore": ignore,
            "on_finding": on_finding,
            "webhook": webhook,
        }
        self.watch: Watch | None = None

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Start recording and diagnosing the training, if this process has global rank 0."""
        if trainer.is_global_zero:
            self.watch = watch(pl_module, trainer.optimizers, **self._options).__enter__()

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Stop recording the training, which has ended normally."""
        self._stop_watching(None)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Stop recording the training, which has ended with an exception."""
        self._stop_watching(exception)

    def _stop_watching(self, error: BaseException | None) -> None:
        """Stop recording the training. `error` is the exception that ended it, or None if it ended normally."""
        if self.watch is not None and self.watch.is_on:
            self.watch.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
