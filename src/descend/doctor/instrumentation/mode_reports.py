"""Report the modules in evaluation mode, at a sparse set of steps and without regard to the time budget."""

from math import inf

from descend.doctor.instrumentation.modules import Modules
from descend.doctor.instrumentation.sparse_steps import next_sparse_step
from descend.doctor.record import Fact, Listener, facts


class ModeReports:
    """Sends which modules are in evaluation mode during training. Reading the modes costs no pass through the model.

    is_on: whether the modes are also sent at steps at which nothing is measured, as in a watched run.
    """

    def __init__(self, modules: Modules, send: Listener, *, is_on: bool) -> None:
        self._modules, self._send, self._is_on = modules, send, is_on
        self._next = 0  # number of the next step whose modes are due

    @property
    def next_step(self) -> float:
        """Return the number of the next step that has to be read in full; infinity if no modes are due or exist."""
        return self._next if self._is_on and self._next and self._modules.has_model else inf

    def step_ended(self, steps: int) -> None:
        """Send the modes if they are due after an optimizer has taken this number of steps."""
        if self._is_on and steps > self._next and self._modules.has_model:
            self.report(steps - 1)

    def report(self, step: int) -> None:
        """Send the dropout and normalisation modules that are in evaluation mode at this step."""
        self._next = next_sparse_step(step)
        modes = facts.Modes(tuple(self._modules.modules_in_eval_mode()), tuple(self._modules.unfitted_batch_norms()))
        self._send([Fact.of(modes, step)])
