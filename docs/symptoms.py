"""Write docs/symptoms.md: every problem that descend knows, in eight groups, with its remedies."""

from pathlib import Path

from descend.doctor.canon import CANON

PAGE = Path(__file__).parent / "symptoms.md"
HEAD = """# Symptoms

Every problem that `descend` checks. `--select` and `--ignore` take the `id`. `descend explain ID` prints how a problem
is recognised, the source of its limit, and why each remedy helps. `make tables` writes this page.
"""
GROUPS = {
    "Training loop": "no_batch no_step no_zero_grad parameters_not_in_optimizer frozen_or_detached weights_not_loaded "
    "incorrect_gradients wrong_step eval_mode",
    "Output and loss": "output_loss_mismatch negated_loss broadcasting sum_reduction mixed_reductions unbalanced_terms "
    "unbounded_loss unreachable_loss infinite_gradient wrong_objective",
    "Data": "bad_data inputs_not_normalised targets_not_scaled correlated_inputs outliers labels_wrong unshuffled_data "
    "unpaired_targets target_leak selection_before_split no_signal unreadable zero_input",
    "Evaluation": "evaluated_in_training_mode evaluated_on_other_inputs lagging_statistics wrong_metric",
    "Network and initialisation": "bad_initialisation symmetric_units dead_units saturated_units vanishing_gradients "
    "exploding_gradients no_nonlinearity narrow_layer degenerate_normalisation dimensions_exchanged examples_mixed "
    "blocked_signal covariate_shift",
    "Learning rate and curvature": "instability oscillation slow_progress schedule clipping_too_hard momentum_mismatch "
    "layer_rate_mismatch warm_start cliff ill_conditioned_curvature plateau saddle_point optimisation",
    "Noise and generalisation": "fluctuations batch_size over_regularised overfitting stopped_too_early local_optima",
    "Several processes": "stragglers",
}


def page() -> str:
    """Return the page; raises `ValueError` for a problem that is in no group, or in two."""
    grouped = [name for ids in GROUPS.values() for name in ids.split()]
    if sorted(grouped) != sorted(CANON):
        raise ValueError(f"not in exactly one group: {sorted({*grouped} ^ {*CANON}) or 'a duplicate'}")
    return HEAD + "".join(f"\n## {title}\n\n{_table(ids.split())}" for title, ids in GROUPS.items())


def _table(ids: list[str]) -> str:
    rows = ["| id | what is wrong | remedies |", "|---|---|---|"]
    for name in ids:
        entry = CANON[name]
        summary = " ".join(entry.nature.split("\n\n")[0].partition(": ")[2].split()).rstrip(".")
        remedies = dict.fromkeys(row.remedy for row in entry.rows)
        rows.append(f"| `{name}` | {summary[:1].upper()}{summary[1:]} | {', '.join(f'`{r}`' for r in remedies)} |")
    return "\n".join(rows) + "\n"
