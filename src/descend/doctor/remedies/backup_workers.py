"""Step with the first gradients that arrive, so that no process waits for the slowest one."""

from dataclasses import dataclass

from descend.doctor.codemod.data_parallel import wrap_loader
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script


@dataclass(frozen=True)
class BackupWorkersArguments:
    """Arguments of the remedy `backup_workers`, with which a step does not wait for the slowest processes."""

    wanted: int  # number of processes whose gradients a step waits for
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def backup_workers(script: Script, record: Record, arguments: BackupWorkersArguments) -> Script:
    """Wrap the data loader by `step_of_the_first`, so that each step waits only for the first `wanted` gradients."""
    optimizer = (SiteKind.OPTIMIZER, arguments.optimizer)
    return wrap_loader(script, record, "step_of_the_first", str(int(arguments.wanted)), extra_sites=(optimizer,))
