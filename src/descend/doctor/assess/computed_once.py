"""A decorator that keeps the values of a run summary and logs every request for them."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from descend.doctor.record import Record
from descend.doctor.record.request_log import RequestLog

Value = TypeVar("Value")
Arguments = ParamSpec("Arguments")


class Summary(Protocol):
    """An object that holds the record of a run and caches the values computed from it."""

    @property
    def record(self) -> Record:
        """The run's record, which holds all its measurements."""

    @property
    def cached_values(self) -> dict[tuple[Any, ...], Any]:
        """The return values of the methods called so far, by method name and arguments."""


Owner = TypeVar("Owner", bound=Summary)


def cache_result(
    method: Callable[Concatenate[Owner, Arguments], Value],
) -> Callable[Concatenate[Owner, Arguments], Value]:
    """Decorate a method of a summary so that it computes its value once for each combination of arguments.

    A value that is read again counts as requested again: a `RequestLog` must hold the measurement that a check needed
    last.
    """

    @wraps(method)
    def cached_method(summary: Owner, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
        """Return the method's cached value for these arguments; call the method if no value is cached yet."""
        call = (method.__name__, *args)
        if call not in summary.cached_values:
            value = method(summary, *args, **kwargs)
            summary.cached_values[call] = value, getattr(summary.record, "last_request", "")
        value, request = summary.cached_values[call]
        if isinstance(summary.record, RequestLog):
            summary.record.last_request = request
        return value

    return cached_method
