"""Let each process make several steps on its own gradients between two averages of the weights."""

from dataclasses import dataclass

from descend.doctor.codemod.data_parallel import find_data_parallel_model
from descend.doctor.codemod.imports import import_name
from descend.doctor.codemod.insert import insert_after
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

HOOKS = "torch.distributed.algorithms.ddp_comm_hooks.post_localSGD_hook"
AVERAGERS = "torch.distributed.algorithms.model_averaging.averagers"
NAMES = {
    HOOKS: ("PostLocalSGDState", "post_localSGD_hook"),
    AVERAGERS: ("PeriodicModelAverager",),
    "torch.distributed.optim": ("PostLocalSGDOptimizer",),
}


@dataclass(frozen=True)
class LocalStepsArguments:
    """Arguments of the remedy `local_steps`, which averages the weights of all processes instead of their gradients."""

    period: int  # number of steps between two averages of the weights
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def local_steps(script: Script, record: Record, arguments: LocalStepsArguments) -> Script:
    """Let each process step with its own gradients, and average the weights of all processes every `period` steps."""
    made = find_data_parallel_model(script, record, (SiteKind.OPTIMIZER, arguments.optimizer))
    syntax, call, (optimizer, model) = made
    apart = "PostLocalSGDState(None, None, start_localSGD_iter=0, post_local_gradient_allreduce=False)"
    text = insert_after(
        syntax,
        call,
        f"{model}.register_comm_hook({apart}, post_localSGD_hook)",
        f"{optimizer} = PostLocalSGDOptimizer({optimizer}, PeriodicModelAverager({int(arguments.period)}))",
    )
    for package, names in NAMES.items():
        for name in names:
            text = import_name(syntax.file, text, package, name)
    return script.edit(syntax.file, text)
