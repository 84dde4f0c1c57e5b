"""Let each process step without waiting for the others, on one model in shared memory."""

from descend.doctor.codemod.data_parallel import wrap_loader
from descend.doctor.record import Record
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script


def asynchronous_steps(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Wrap the data loader by `step_as_they_come`, so that each process steps without waiting for the others."""
    return wrap_loader(script, record, "step_as_they_come")
