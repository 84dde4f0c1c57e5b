"""The fixed batches (monitor batches): the first batches of a run, on which all probes measure."""

from descend.doctor.instrumentation.example_fingerprints import summarise_examples
from descend.doctor.instrumentation.fingerprints import random_state_fingerprint
from descend.doctor.instrumentation.steps.budget import Budget
from descend.doctor.measure.snapshot import forward
from descend.doctor.record import Fact, Listener, facts
from descend.doctor.tape import Recording

MONITOR_EXAMPLES = 256  # With this many examples, the noise of the monitored loss is below a remedy's minimum effect.
MONITOR_BATCHES = 8  # After this many batches, 64 examples are enough.
LEAST_EXAMPLES = 64
MOST_BATCHES = 32  # The number of batches is limited, because each measurement computes all of them again.


class FixedBatches:
    """Collects the recordings of the first training batches until they contain enough examples."""

    def __init__(self, budget: Budget, send: Listener) -> None:
        self.budget, self.send = budget, send
        self.most_examples = MONITOR_EXAMPLES
        self.restart()

    def restart(self) -> None:
        """Drop the batches so far, because they were not part of a training."""
        self.recordings: tuple[Recording, ...] = ()  # empty until all fixed batches are collected
        self._collected: list[Recording] = []
        self._examples = self._rows = 0
        self._random = ""  # fingerprint of the random generators' states after the first batch

    def add(self, recording: Recording) -> None:
        """Add the recording of a batch. If the batches contain enough examples now, they become the fixed batches."""
        self._random = self._random or random_state_fingerprint()
        self._collected.append(recording)
        self._examples, self._rows = self._examples + recording.batch_size, self._rows + recording.input_rows
        enough = MONITOR_EXAMPLES if len(self._collected) < MONITOR_BATCHES else LEAST_EXAMPLES
        if self._examples >= min(enough, self.most_examples) or len(self._collected) >= MOST_BATCHES:
            self.fix()

    def fix(self) -> None:
        """Take the batches collected so far as the fixed batches; send their number and their fingerprints."""
        if self.recordings or not self._collected:
            return
        self.recordings = tuple(self._collected)
        with self.budget.charging("monitor"):
            fingerprints = summarise_examples([forward(r, evaluation=True) for r in self.recordings])
        draws = tuple(mode for mode in (False, True) if any(r.is_random(evaluation=mode) for r in self.recordings))
        held = (len(self.recordings), draws, self._examples, *fingerprints, self._rows, self._random)
        self.send([Fact.of(facts.Monitor(*held), 0)])
