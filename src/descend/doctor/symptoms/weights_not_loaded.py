"""Weights not loaded: the checkpoint's names do not match the module's, and strict=False hides the mismatch."""

from descend.doctor.assess.modules import find_incomplete_load
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.layers import checkpoint_prefix
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.nn.Module.load_state_dict: with strict=False, tensors whose names do not match are skipped"

PROBLEM = Problem(
    id="weights_not_loaded",
    kind="wiring",
    title="the weights were not loaded",
    consequences=frozenset({"frozen_or_detached", "inputs_not_normalised"}),
    remedies=(
        RemedyEntry(
            "rename_weights",
            checkpoint_prefix,
            "rename the tensors of the checkpoint to match the module",
            "the pretrained weights are then loaded",
            "torch.nn.Module.load_state_dict",
        ),
    ),
    example=CodeExample(
        faulty=(
            'weights = torch.load("model.pt")  # its names begin with "module."\n'
            "model.load_state_dict(weights, strict=False)"
        ),
        fixed=(
            'weights = torch.load("model.pt")\n'
            'weights = {name.removeprefix("module."): weights[name] for name in weights}\n'
            "model.load_state_dict(weights)"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report tensors that `load_state_dict` skipped before training, because their names do not match."""
    place = find_incomplete_load(record)
    load = record.fact(facts.PartlyLoaded, place)
    if load is None:
        return None
    return FatalDetection(
        certain=True,
        sentence=f"load_state_dict left {load.missing} of {load.of} tensors at their initial values: the first is "
        f"`{load.first}` in the module but `{load.unexpected}` in the checkpoint, and strict=False hides the mismatch",
        quantity="tensors that were not loaded",
        value=float(load.missing),
        bound=0.0,
        source=SOURCE,
        where=record.site(SiteKind.LOAD_STATE_DICT, place),
    )
