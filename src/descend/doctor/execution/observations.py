"""Choose the observers of a run by its role, and start them."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from descend.doctor.instrumentation.component_observers import observing_components
from descend.doctor.instrumentation.custom_functions import observing_functions
from descend.doctor.instrumentation.drawn_examples import observing_loaders
from descend.doctor.instrumentation.evaluation_tape import taping_evaluations
from descend.doctor.instrumentation.hooks import observing
from descend.doctor.instrumentation.network_copies import observing_copies
from descend.doctor.instrumentation.observer import Observer
from descend.doctor.instrumentation.stored_examples import observing_stored_examples
from descend.doctor.instrumentation.training_mode_calls import observing_training_mode, training_mode_calls_of
from descend.doctor.script.run_names import Role


def start_observations(
    stack: ExitStack, observer: Observer, role: str, *, is_compared: bool
) -> list[Callable[[], None]]:
    """Start all observers that a run with this role needs; return their measurements for the end of the run.

    stack: ends the observations when it is closed.
    """
    is_baseline = role == Role.BASELINE
    if is_baseline:
        # This observer is entered first, because the observers that pause the tape must wrap it.
        stack.enter_context(observing_loaders(observer))
        stack.enter_context(observing_stored_examples(observer))
    stack.enter_context(observing(observer))
    if role in (Role.BASELINE, Role.TRIAL_RUN, Role.GRADCHECK, Role.SHOW):
        stack.enter_context(observing_functions(observer.functions))
        stack.enter_context(observing_components(observer.components))
    observers: list[AbstractContextManager[Any]] = []
    if is_baseline:
        observers += [observing_training_mode(training_mode_calls_of(observer)), observing_copies(observer)]
    if role in (Role.BASELINE, Role.TRIAL_RUN):
        observers.append(taping_evaluations(observer, role, is_compared=is_compared))
    return [stack.enter_context(each).finish for each in observers]
