"""Add residual connections around the hidden layers of equal size (He et al. 2016), by forward hooks."""

from collections.abc import Sequence

from descend.doctor.codemod.locate import Place
from descend.doctor.record import Record
from descend.doctor.remedies.arguments import OptimizerArguments
from descend.doctor.remedies.reinitialise import code_for_models, insert_call_before_optimizer
from descend.doctor.script.script import Script

HOOK = '''
def with_input(module, args, output):
    return output + args[0] if output.shape == args[0].shape else output


def insert_residuals({models}):
    """Add the input of each hidden layer to its output if both have the same size (He et al. 2016)."""
    layers = [m for m in {all} if isinstance(m, (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d))]
    for layer in layers[:-1]:
        layer.register_forward_hook(with_input)
'''


def insert_residuals(script: Script, record: Record, arguments: OptimizerArguments) -> Script:
    """Add the inputs of hidden layers to their outputs, from before the optimizer is made."""
    return insert_call_before_optimizer(script, record, arguments.optimizer, "insert_residuals({})", _hook_code)


def _hook_code(place: Place, models: Sequence[str]) -> str:
    """Return the source code of the functions; "" for attention, whose layers are not called."""
    parameters, every = code_for_models(models)
    if "Attention" in place.syntax.module.code or "Transformer" in place.syntax.module.code:
        return ""
    return HOOK.format(models=parameters, all=every)
