"""Weights not loaded: the checkpoint's names do not match the module's, or the module loads its own weights.

`load_state_dict(strict=False)` copies only the entries with equal names. All other tensors keep their random values,
and no error is raised. One random layer is enough to make the outputs useless.
"""

from descend.doctor.assess.copies import find_own_weights
from descend.doctor.assess.modules import find_incomplete_load
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.copies import own_weights_load
from descend.doctor.remedy_arguments.layers import checkpoint_prefix
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

OWN = "torch.nn.Module.state_dict: the returned tensors are references to the module's parameters and buffers"
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
        RemedyEntry(
            "load_weights_of",
            own_weights_load,
            "load the trained network's weights",
            "the call then changes the weights",
            "torch.nn.Module.load_state_dict",
            cost=1,
            judged_on="evaluation",
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
    """Report tensors that `load_state_dict` skipped before training, or a module that loads its own weights."""
    place = find_incomplete_load(record)
    load = record.fact(facts.PartlyLoaded, place)
    return _report_own_weights(record) if load is None else _report_skipped_weights(record, place, load)


def _report_own_weights(record: Record) -> Detection | None:
    """Report a call of `load_state_dict` that gives a module the weights that it has."""
    place = find_own_weights(record)
    loaded = record.fact(facts.OwnWeightsLoaded, place)
    if loaded is None:
        return None
    module = f"`{loaded.module}`" if loaded.module else "a module"
    instead = f"; `{loaded.source}` has tensors of the same names and shapes" if loaded.source else ""
    return FatalDetection(
        certain=True,
        sentence=f"load_state_dict gives {module} its own {loaded.tensors} tensors, so the call changes "
        f"nothing{instead}",
        quantity="tensors that were loaded from elsewhere",
        value=0.0,
        bound=float(loaded.tensors),
        source=OWN,
        where=record.site(SiteKind.LOAD_STATE_DICT, place),
    )


def _report_skipped_weights(record: Record, place: str, load: facts.PartlyLoaded) -> Detection:
    """Report tensors whose names in the checkpoint differ from those in the module."""
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
