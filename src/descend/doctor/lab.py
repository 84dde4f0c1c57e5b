"""Where the runs of one case are made."""

from dataclasses import dataclass, replace

from descend.doctor.observe import Show, observe
from descend.doctor.record import Message, Record, facts
from descend.doctor.record.store import Store
from descend.doctor.run.forking import ForkServer
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.cluster import Cluster
from descend.doctor.trials.elsewhere import Elsewhere
from descend.doctor.trials.trial_runs import Bench, longest


@dataclass(frozen=True)
class Lab:
    """Who keeps the runs of one case, who shows them, who forks them, what else may change under them."""

    store: Store
    show: Show
    server: ForkServer
    elsewhere: Elsewhere
    cluster: Cluster | None = None  # where the trials are run, if not here

    def observe(self, script: Script, plan: Plan, parent: int | None = None) -> Record:
        """Run the script once under observation; parent: the run that it is examined for, if any."""

        def listen(record: Record, messages: list[Message]) -> None:
            self.elsewhere.take(messages)
            self.show(record, messages)

        return observe(script, plan, self.store, listen, self.server, parent)

    def bench(self, plan: Plan, record: Record) -> Bench:
        """Return where the trials of what was found in a record are run."""
        monitor = record.fact(facts.Monitor)
        same = replace(plan, examples=monitor.examples if monitor else 0)
        failing = record.ending if record.ending and record.ending.reason == "failed" else None
        where = (self.store.save, self.show, longest(record), self.server, failing, self.elsewhere, self.cluster)
        return Bench(same, record.run, *where)
