"""Several steps on each process's own gradients between two averages of the weights."""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.data_parallel import beside_model
from descend.doctor.source.imports import import_name
from descend.doctor.source.insert import insert_after
from descend.doctor.source.not_applicable import NotApplicable

HOOKS = "torch.distributed.algorithms.ddp_comm_hooks.post_localSGD_hook"
AVERAGERS = "torch.distributed.algorithms.model_averaging.averagers"
NAMES = {
    HOOKS: ("PostLocalSGDState", "post_localSGD_hook"),
    AVERAGERS: ("PeriodicModelAverager",),
    "torch.distributed.optim": ("PostLocalSGDOptimizer",),
}


def local_steps(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Keep gradients apart and average the weights every `dose["period"]` steps, with torch's own parts for it."""
    made = beside_model(script, record, ("optimizer", dose.get("optimizer", "0")))
    if isinstance(made, NotApplicable):
        return made
    syntax, call, (optimizer, model) = made
    apart = "PostLocalSGDState(None, None, start_localSGD_iter=0, post_local_gradient_allreduce=False)"
    text = insert_after(
        syntax,
        call,
        f"{model}.register_comm_hook({apart}, post_localSGD_hook)",
        f"{optimizer} = PostLocalSGDOptimizer({optimizer}, PeriodicModelAverager({int(dose['period'])}))",
    )
    for package, names in NAMES.items():
        for name in names:
            if isinstance(text, str):
                text = import_name(syntax.file, text, package, name)
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)
