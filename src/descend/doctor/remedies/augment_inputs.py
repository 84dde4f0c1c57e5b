"""Change the inputs at random in each step of the training: noise, or small shifts and rotations of images."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.reinitialise import insert_call_before_optimizer
from descend.doctor.script.script import Script

REMAKES: frozenset[Remade] = frozenset({"inputs"})
NOISE = '''
def with_noise(module, args):
    """Add noise of 0.3 standard deviations of each feature, in training mode only (Bishop 1995b)."""
    x = args[0]
    return (x + 0.3 * x.std(0) * torch.randn_like(x), *args[1:]) if module.training else args


def augment_inputs(model):
    model.register_forward_pre_hook(with_noise)
'''
AFFINE = '''
def with_shift(module, args):
    """Shift each image by at most a tenth and rotate it by at most 10 degrees, in training mode only."""
    images = args[0]
    if not module.training:
        return args
    angle, x, y = torch.rand(3, len(images), device=images.device) * 2 - 1
    cos, sin = (0.17 * angle).cos(), (0.17 * angle).sin()
    matrices = torch.stack([cos, -sin, 0.2 * x, sin, cos, 0.2 * y], 1).view(-1, 2, 3)
    grid = torch.nn.functional.affine_grid(matrices, images.shape, align_corners=False)
    return (torch.nn.functional.grid_sample(images, grid, align_corners=False), *args[1:])


def augment_inputs(model):
    model.register_forward_pre_hook(with_shift)
'''


@dataclass(frozen=True)
class AugmentInputsArguments:
    """Arguments of the remedy `augment_inputs`, which changes the model's inputs at random."""

    kind: Literal["noise", "affine"]
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def augment_inputs(script: Script, record: Record, arguments: AugmentInputsArguments) -> Script:
    """Register a hook that changes the model's inputs in training mode, before the optimizer is made."""
    call = f'augment_inputs({{}}, "{arguments.kind}")'
    write = partial(_hook_code, arguments.kind)
    return insert_call_before_optimizer(script, record, arguments.optimizer, call, write)


def _hook_code(kind: Literal["noise", "affine"], place: Place, models: Sequence[str]) -> str:
    """Return the source code of the functions. Raise `NotApplicable` if the optimizer trains several models."""
    if len(models) > 1:
        raise NotApplicable("the optimizer trains several models, and only the first one gets the inputs")
    return NOISE if kind == "noise" else AFFINE
