"""Where the runs of one case are made: who keeps them, shows them and forks them, and what may change under them."""

from dataclasses import dataclass

from descend.doctor.observe import Show, observe
from descend.doctor.record import Message, Record
from descend.doctor.record.store import Store
from descend.doctor.run.forking import ForkServer
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.cluster import Cluster
from descend.doctor.trials.elsewhere import Elsewhere


@dataclass(frozen=True)
class RunContext:
    """Where the runs of one case are made."""

    store: Store
    show: Show
    elsewhere: Elsewhere  # what the script reads, and may change while it is run again and again
    server: ForkServer | None = None  # forks runs; what runs under plain python is started by itself
    cluster: Cluster | None = None  # where the trial runs are made, if not here

    def observe(self, script: Script, plan: Plan, parent: int | None = None) -> Record:
        """Run the script once under observation; parent: the run that it is examined for, if any."""
        return observe(script, plan, self.store, self.take, self.server, parent)

    def take(self, record: Record, messages: list[Message]) -> None:
        """Show what a run says, and remember what it reads."""
        self.elsewhere.take(messages)
        self.show(record, messages)
