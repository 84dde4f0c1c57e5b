"""The remedy that moves gradient clipping above the optimizer's step."""

from descend.doctor.remedies.clip_before_step import clip_before_step

CLIP = "    nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n"
HEAD, STEP, END = "for x in r:\n    loss(x).backward()\n", "    optimizer.step()\n", "    scheduler.step()\n"
SITES = {"step": "optimizer.step(", "clip": "nn.utils.clip_grad_norm_(", "optimizer": "SGD("}
MADE = "optimizer = SGD(model.parameters())\n"


def test_the_clipping_moves_above_the_step(patient):
    after = MADE + HEAD + CLIP + STEP + END
    assert patient(MADE + HEAD + STEP + CLIP + END, **SITES).edited(clip_before_step) == after
    assert patient(MADE + HEAD + STEP + END + CLIP, **SITES).edited(clip_before_step) == after


def test_clipping_in_another_block_is_refused(patient):
    text = MADE + HEAD + STEP + "    if True:\n    " + CLIP
    assert "not in the block" in patient(text, **SITES).refusal(clip_before_step)
