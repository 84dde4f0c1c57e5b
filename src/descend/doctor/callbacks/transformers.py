"""A callback for Transformers: `Trainer(callbacks=[TransformersCallback()])`."""

import atexit
import os
import sys
from collections.abc import Sequence
from typing import Any

from descend.doctor.instrumentation.in_process_watch import OnFinding, Watch
from descend.doctor.watch import check_options, watch

MISSING = ""  # why the callback cannot be used
try:
    from transformers import TrainerCallback
except ModuleNotFoundError as error:
    MISSING = f"TransformersCallback needs Transformers: pip install transformers ({error})"
    TrainerCallback = object  # type: ignore[assignment, misc, unused-ignore] # so that the class below exists


class TransformersCallback(TrainerCallback):  # type: ignore[misc, unused-ignore] # no types if it is not installed
    """Watch each call of `Trainer.train`, in the process of world rank 0 only.

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
        If Transformers is not installed.
    TypeError
        If an option has the wrong type.
    ValueError
        If an id is unknown, or `webhook` is not a URL.

    Examples
    --------
    >>> callback = descend.TransformersCallback()
    >>> trainer = Trainer(model, arguments, train_dataset=data, callbacks=[callback])
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

    def on_train_begin(self, args: Any, state: Any, control: Any, **known: Any) -> None:
        """Start recording and diagnosing the training, if this process has world rank 0."""
        self._stop_watching(None)  # The Trainer does not report the end of a training that an exception has ended.
        if state.is_world_process_zero:
            optimizer = known.get("optimizer")
            optimizers = [getattr(optimizer, "optimizer", optimizer)] if optimizer is not None else []
            self.watch = watch(known.get("model"), optimizers, **self._options).__enter__()
            atexit.register(self._stop_at_exit)

    def on_train_end(self, args: Any, state: Any, control: Any, **known: Any) -> None:
        """Stop recording the training, which has ended."""
        self._stop_watching(None)

    def _stop_at_exit(self) -> None:
        """Stop recording a training that has not ended when the program does, with the exception that ended both."""
        self._stop_watching(getattr(sys, "last_value", None))

    def _stop_watching(self, error: BaseException | None) -> None:
        """Stop recording the training. `error` is the exception that ended it, or None if it ended normally."""
        if self.watch is not None and self.watch.is_on:
            self.watch.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
