"""The services that every run of one case uses: store, display, fork server, cluster and watched files."""

from collections.abc import Callable
from dataclasses import dataclass, field

from descend.core.deadline import Deadline
from descend.doctor.execution.forking import ForkServer
from descend.doctor.observe import Show, observe
from descend.doctor.record import Message, Record
from descend.doctor.record.store import Store
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.cluster import Cluster
from descend.doctor.trials.external_files import ExternalFiles
from descend.doctor.trials.trial import Trial


@dataclass(frozen=True)
class RunContext:
    """The services that every run of one case uses: store, display, fork server, cluster and watched files."""

    store: Store
    show: Show
    external_files: ExternalFiles  # files outside the scratch copies that the script reads
    # process that is forked for each observed run; a run under plain python starts a new process
    server: ForkServer | None = None
    cluster: Cluster | None = None  # Ray cluster that runs the trials; None to run them on this machine
    deadline: Deadline = Deadline()  # time at which the consultation has to end
    show_fix: Callable[[Trial], None] = lambda fix: None  # called with each new or withdrawn fix

    baselines: list[int] = field(default_factory=list)  # numbers of the stored baseline runs so far

    def observe(self, script: Script, plan: Plan, parent: int | None = None) -> Record:
        """Run a script once and return its record. parent: number of the baseline run that this run belongs to."""
        record = observe(script, plan, self.store, self.receive, self.server, parent)
        if parent is None and record.run:
            self.baselines.append(record.run)
        return record

    def receive(self, record: Record, messages: list[Message]) -> None:
        """Show new messages of a run on the display, and store which files the run has read."""
        self.external_files.note_files(messages)
        self.show(record, messages)
