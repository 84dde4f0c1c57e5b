"""`descend.watch(model, optimizer)`: check the arguments, and return the context manager that watches a training."""

import os
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from torch import nn
from torch.optim import Optimizer

from descend.core.errors import UsageError
from descend.doctor.instrumentation.in_process_watch import OnFinding, Watch


def watch(
    model: nn.Module | None = None,
    optimizer: Optimizer | Iterable[Optimizer] = (),
    *,
    store: str | os.PathLike[str] = ".descend",
    ignore: Sequence[str] = (),
    on_finding: OnFinding | None = None,
    webhook: str = "",
) -> Watch:
    """Return a context manager that records this process's training and reports findings without changing the training.

    Parameters
    ----------
    model : torch.nn.Module, optional
        The model. The training is also recognised without it.
    optimizer : torch.optim.Optimizer or iterable of them, optional
        The optimizer or optimizers. They are also recognised in their first step.
    store : str or os.PathLike
        Store the runs in this folder, or in the database with this URL.
    ignore : sequence of str
        The ids of problems that are not reported, such as `["dead_units"]`.
    on_finding : callable, optional
        Called once for each certain finding, from another thread, with a dictionary as in the JSON contract.
    webhook : str
        Post each certain finding as JSON to this URL.

    Returns
    -------
    Watch
        The context manager for a `with` statement. Its `findings` are the certain findings so far.

    Raises
    ------
    TypeError
        If an argument has the wrong type, such as an optimizer in place of the model.
    ValueError
        If an id is unknown, or `webhook` is not a URL.

    Examples
    --------
    >>> with descend.watch(model, optimizer):
    ...     train(model, optimizer)
    """
    if isinstance(model, Optimizer):
        hint = "write descend.watch(model, optimizer), or descend.watch(optimizer=optimizer) without a model"
        raise TypeError(f"descend.watch: the model comes before the optimizer: {hint}")
    if model is not None and not isinstance(model, nn.Module):
        raise TypeError(f"descend.watch: model must be a torch.nn.Module, not {type(model).__name__}")
    optimizers: list[Any] = [optimizer]
    if isinstance(optimizer, Iterable) and not isinstance(optimizer, Optimizer | nn.Module):
        optimizers = [*optimizer]
    for known in optimizers:
        if not isinstance(known, Optimizer):
            raise TypeError(f"descend.watch: optimizer must be a torch.optim.Optimizer, not {type(known).__name__}")
    check_options(ignore, on_finding, webhook)
    caller = sys._getframe(1)
    made_at = (caller.f_code.co_filename, caller.f_lineno)
    return Watch(optimizers, os.fspath(store), ignore, on_finding, webhook, made_at)


def check_options(ignore: Sequence[str], on_finding: OnFinding | None, webhook: str) -> None:
    """Check options of `watch`. Raises `TypeError` for a wrong type, and `ValueError` for an unknown id or no URL."""
    if on_finding is not None and not callable(on_finding):
        raise TypeError(f"descend.watch: on_finding must be a function, as in on_finding=print, not {on_finding!r}")
    try:
        _check_ids(ignore)
        _check_address(webhook)
    except UsageError as error:
        raise ValueError(f"descend.watch: {error}") from None


def _check_ids(ignore: Sequence[str]) -> None:
    """Raise `TypeError` if `ignore` is a text instead of a list of ids, and `UsageError` for an unknown id."""
    if not len(ignore):
        return
    # Imported here, because few scripts ignore a problem, and the others need no catalog.
    from descend.doctor.catalog import CATALOG
    from descend.doctor.catalog.diagnosis import check_ids

    if isinstance(ignore, str):
        given = f"ignore={get_close_matches(ignore, CATALOG, 1) or [ignore]}"
        raise TypeError(f"descend.watch: ignore must be a list of ids: write {given}, not ignore={ignore!r}")
    check_ids(ignore)


def _check_address(webhook: str) -> None:
    """Raise `TypeError` if the webhook is no text, and `UsageError` if it is no URL. The messages do not contain it."""
    if not isinstance(webhook, str):
        raise TypeError(f"descend.watch: webhook must be a URL as text, not {type(webhook).__name__}")
    if webhook:
        from descend.doctor.commands.watch.alerts import require_address

        require_address(webhook)
