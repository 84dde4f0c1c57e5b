"""Training loops are read correctly: the steps, the loss of each step, and no change of the training."""

import pytest
from sampling import sampled

LOOPS = {
    "plain": ("plain.py",),
    "by_hand": ("by_hand.py", "no_grad"),
    "by_hand_data": ("by_hand.py", "data"),
    "raw_tensors": ("raw_tensors.py",),
    "accumulation": ("accumulation.py",),
    "lbfgs": ("closures.py", "lbfgs", "none"),
    "lbfgs_zeros": ("closures.py", "lbfgs", "zeros"),
    "sgd_closure": ("closures.py", "sgd", "none"),
    "gan": ("gan.py", "detached"),
    "gan_shared": ("gan.py", "shared"),
    "two_optimizers": ("two_optimizers.py",),
    "amp_bfloat16": ("amp.py", "bfloat16"),
    "amp_float16": ("amp.py", "float16"),
    "groups": ("groups.py",),
    "stages": ("stages.py",),
    "returned": ("returned.py",),
}
USUAL = ("plain", "gan")


@pytest.mark.slow
@pytest.mark.parametrize("loop", sampled(LOOPS, *USUAL))
def test_losses_are_recorded_and_the_training_is_unchanged(stage, loop):
    name, *arguments = LOOPS[loop]
    losses, records = stage.unharmed(name, *arguments)
    for record in records:
        for key, values in losses.items():
            series = record.series("loss", key)
            assert series.steps == tuple(range(len(values)))
            assert series.values == pytest.approx(values, rel=1e-6, abs=0)
        assert record.places("loss") == list(losses)
        assert record.steps == max(map(len, losses.values()))


@pytest.mark.slow
def test_overflowed_scaled_gradients_are_replaced_by_gradients_of_the_loss(stage):
    norms = stage.observed("baseline", "amp.py", "float16").record.series("gradient_norm", "")
    assert norms.steps[0] == 0 and all(0 < norm < 10 for norm in norms.values)
