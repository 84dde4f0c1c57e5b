"""Properties of every remedy in every style of script."""

import ast
import itertools
import runpy
import sys

import pytest
import torch
from sampling import sampled

from descend.doctor.remedies import REMEDIES, NotApplicable, apply_remedy, if_applicable
from descend.doctor.script.script import Script

ARGUMENTS: dict[str, dict[str, object]] = {
    "learning_rate": {"lr": 0.009312, "optimizer": "0"},
    "standardise_inputs": {},
    "feed_logits": {"activation": "softmax"},
    "reinitialise": {"activation": "tanh"},
    "zero_grad": {"optimizer": "0"},
    "adaptive_rule": {"lr": 1e-3, "optimizer": "0"},
}
# Remedies that need special sites: each has its own test file with suitable scripts.
OTHER_ARGUMENTS: dict[str, dict[str, object]] = {
    "another_start": {"draw": 1, "optimizer": "0"},
    "asynchronous_steps": {},
    "attach": {},
    "augment_inputs": {"kind": "noise", "optimizer": "0"},
    "average_decay": {"decay": 0.99},
    "average_iterates": {"decay": 0.99, "optimizer": "0"},
    "away_from_zero": {"eps": 1e-8},
    "backup_workers": {"wanted": 3, "optimizer": "0"},
    "batch_first": {"batch_first": True},
    "batch_size": {"batch_size": 32},
    "call_backward": {"loss": "loss", "optimizer": "0"},
    "call_step": {"optimizer": "0"},
    "clear_later": {"optimizer": "0"},
    "step_in_loop": {"optimizer": "0"},
    "step_later": {"optimizer": "0"},
    "clip_before_step": {"optimizer": "0"},
    "clip_gradients": {"max_norm": 1.0, "optimizer": "0"},
    "clip_threshold": {"max_norm": 1.0},
    "constant_rate": {},
    "causal_mask": {},
    "create_graph": {},
    "average_network": {},
    "copy_rows": {"method": "clone"},
    "draw_all_rows": {},
    "length_of_data": {"name": "images"},
    "out_of_place": {},
    "own_entries": {},
    "dropout_rate": {"p": 0.2},
    "evaluate_as_trained": {},
    "invert_weights": {"argument": "weight", "place": "loss"},
    "evaluate_network": {"places": ["0.0"]},
    "evaluation_mode": {},
    "buffers_too": {"kind": "unaveraged_buffers", "place": "0"},
    "call_argument": {"kind": "on_loss", "place": "0", "keyword": "dim", "index": 0, "value": 1},
    "turn_mask": {"kind": "on_loss", "place": "0"},
    "exchange_arguments": {"kind": "on_loss", "place": "0", "argument": 0},
    "hidden_activation": {"activation": "relu"},
    "hold_parameters": {"optimizer": "0"},
    "initialise_in_place": {"activation": "relu"},
    "initialise_recurrent": {"length": 50, "optimizer": "0"},
    "insert_activations": {"optimizer": "0"},
    "insert_dropout": {"p": 0.5, "optimizer": "0"},
    "insert_normalisation": {"kind": "batch", "optimizer": "0"},
    "insert_residuals": {"optimizer": "0"},
    "keep_order": {"loaders": ["0"]},
    "linear_schedule": {"start": 1.0, "end": 0.0, "steps": 100, "optimizer": "0"},
    "leave_out": {"kind": "altered_gradient", "place": "0"},
    "load_weights_of": {"place": "own0"},
    "local_steps": {"period": 10, "optimizer": "0"},
    "loop_over_loader": {"loader": "0"},
    "loss_reduction": {"reduction": "sum"},
    "weigh_term": {"divisor": 64},
    "make_layers_once": {},
    "match_shapes": {"operand": "right"},
    "matching_loss": {"loss": "cross_entropy"},
    "mean_reduction": {},
    "one_rate": {"lr": 0.05, "optimizer": "0"},
    "optimizer_argument": {"argument": "weight_decay", "value": 0.0, "default": 0.0, "optimizer": "0"},
    "output_activation": {"activation": "sigmoid"},
    "register_layers": {},
    "relabel": {"name": "y", "expression": "1 - y"},
    "partner_too": {"kind": "prepared", "place": "0", "moved": "x", "partner": "y"},
    "remove_normalisation": {"place": "0"},
    "rename_weights": {"place": "0", "prefix": "module.", "is_extra": True},
    "same_rows": {},
    "shift_once": {},
    "shuffle": {},
    "skip_call": {"kind": "on_inputs", "place": "0"},
    "speed_shares": {"speeds": [3.0, 1.0]},
    "softmax_dimension": {"site": ("lone_entry", "0"), "dim": 1},
    "standardise_data": {},
    "standardise_targets": {},
    "statistics_momentum": {"momentum": 0.1},
    "step_per_epoch": {},
    "training_length": {"times": 4, "optimizer": "0"},
    "train_mode": {},
    "transform": {"kind": "prepared", "place": "0"},
    "transpose": {"site": "mixing", "call": "transpose(0, 1)"},
    "turn_term": {"kind": "on_loss", "place": "0"},
    "turn_loss": {},
    "unfreeze": {},
    "uniform_sampler": {"loader": "0"},
    "use_autograd": {"function": "Cube"},
    "whiten_data": {},
    "whiten_inputs": {},
    "widen": {"layers": ["0", "2"], "narrow": ["0"], "units": 16},
}
SITED = [
    name for name in REMEDIES if name not in ("unfreeze", "initialise_in_place", "standardise_data", "whiten_data")
]  # remedies that search for statements
ADDED = {"standardise_inputs": 2, "zero_grad": 1}  # largest number of lines that an insertion adds
WRITTEN = {"reinitialise": 12}  # largest number of lines of a function written into the file, with its call
NO_ACTIVATION = {"one_line", "dict", "tabs", "closure", "scaler"}
SAME_CALL = {"learning_rate", "adaptive_rule"}  # both remedies set the learning rate, so the later one decides


def treated(patient, remedy: str) -> Script:
    return apply_remedy(REMEDIES[remedy], patient.script, patient.record, (ARGUMENTS | OTHER_ARGUMENTS)[remedy])


def applicable(style: str) -> list[str]:
    return [name for name in ARGUMENTS if name != "feed_logits" or style not in NO_ACTIVATION]


@pytest.mark.slow
@pytest.mark.parametrize("remedy", ARGUMENTS)
def test_the_edit_is_minimal_and_parses(styled, style: str, remedy: str) -> None:
    if remedy not in applicable(style):
        with pytest.raises(NotApplicable, match="softmax"):
            treated(styled, remedy)
        return
    edited = treated(styled, remedy)
    text = edited.read(edited.path)
    ast.parse(text)
    before, after = styled.text.splitlines(keepends=True), text.splitlines(keepends=True)
    if remedy in ADDED and style not in ("one_line", "slices"):
        assert len(after) == len(before) + ADDED[remedy]
        assert set(before) <= set(after)
    elif remedy in WRITTEN and style not in ("one_line", "slices"):
        assert 0 <= len(after) - len(before) - WRITTEN[remedy] <= 2  # blank lines around the inserted function
        assert set(before) <= set(after)
    else:
        assert len(set(before) - set(after)) <= 2
        assert abs(len(after) - len(before)) <= 2 + WRITTEN.get(remedy, 0)
    ends = {line[len(line.rstrip("\r\n")) :] for line in after}
    assert ends == {"\r\n" if style == "crlf" else "\n"}


@pytest.mark.slow
@pytest.mark.parametrize("remedy", ARGUMENTS)
def test_the_diff_makes_the_edit(styled, style: str, remedy: str) -> None:
    edited = if_applicable(treated, styled, remedy)
    if edited is None:
        return
    added = [line[1:] for line in edited.diff().splitlines(keepends=True) if line[0] == "+" and line[:3] != "+++"]
    assert added and all(line in edited.read(edited.path) for line in added)
    assert edited.diff().startswith("--- train.py\n+++ train.py\n@@")


PAIRS = list(itertools.combinations(ARGUMENTS, 2))


@pytest.mark.slow
@pytest.mark.parametrize("pair", sampled(PAIRS, *PAIRS[::4]), ids="+".join)
def test_two_remedies_give_the_same_script_in_both_orders(styled, style: str, pair: tuple[str, str]) -> None:
    if not set(pair) <= set(applicable(style)):
        return
    texts = []
    for names in (pair, pair[::-1]):
        script = styled.script
        for name in names:
            script = apply_remedy(REMEDIES[name], script, styled.record, ARGUMENTS[name])
        texts.append(script.read(script.path))
        ast.parse(texts[-1])
    if set(pair) != SAME_CALL:
        assert texts[0] == texts[1]


@pytest.mark.slow
def test_all_remedies_together(styled, style: str) -> None:
    texts = set()
    names = [name for name in applicable(style) if name != "adaptive_rule"]
    for order in itertools.islice(itertools.permutations(names), 0, None, 41):
        script = styled.script
        for name in order:
            script = apply_remedy(REMEDIES[name], script, styled.record, ARGUMENTS[name])
        texts.add(script.read(script.path))
    assert len(texts) == 1


def run(script: Script, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    path = script.path.with_name("edited.py")
    path.write_bytes(script.read(script.path).encode())
    monkeypatch.setattr(sys, "argv", [str(path)])
    return runpy.run_path(str(path), run_name="__main__")


@pytest.mark.slow
@pytest.mark.parametrize("remedy", ARGUMENTS)
def test_the_edited_script_runs_and_shows_the_effect(
    styled, style: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = if_applicable(treated, styled, remedy)
    if edited is None:
        return
    names = run(edited, monkeypatch)
    model, optimizer = names["model"], names["optimizer"]
    gradients = [p.grad for p in model.parameters()]
    match remedy:
        case "learning_rate":
            assert optimizer.param_groups[0]["lr"] == 0.00931
        case "standardise_inputs":
            assert model.input_std.isfinite().all() and len(model._forward_pre_hooks) == 1
        case "zero_grad" if style != "closure":
            assert all(gradient is None or not gradient.any() for gradient in gradients)
        case "adaptive_rule":
            assert type(optimizer) is torch.optim.Adam and optimizer.param_groups[0]["lr"] == 0.001
    if remedy != "zero_grad":
        assert any(gradient is not None and gradient.any() for gradient in gradients)


@pytest.mark.slow
@pytest.mark.parametrize("remedy", ["learning_rate", "reinitialise", "zero_grad", "adaptive_rule"])
def test_the_same_random_numbers_are_drawn(styled, remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    for script in (styled.script, treated(styled, remedy)):
        torch.manual_seed(0)
        run(script, monkeypatch)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


@pytest.mark.slow
def test_standardising_draws_none_either(styled, monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    for script in (styled.script, treated(styled, "standardise_inputs")):
        torch.manual_seed(0)
        run(script, monkeypatch)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


@pytest.mark.slow
@pytest.mark.parametrize("remedy", SITED)
def test_a_site_in_a_library_is_named(styled, remedy: str) -> None:
    from dataclasses import replace

    library = "/usr/lib/python3/site-packages/trainer.py"
    styled.record.sites[:] = [replace(site, file=library) for site in styled.record.sites]
    with pytest.raises(NotApplicable, match=f"{library}|did not show"):
        treated(styled, remedy)


@pytest.mark.slow
@pytest.mark.parametrize("remedy", SITED)
def test_without_a_site_there_is_a_reason(styled, remedy: str) -> None:
    styled.record.sites.clear()
    with pytest.raises(NotApplicable, match="did not show"):
        treated(styled, remedy)
