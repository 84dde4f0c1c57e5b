"""Labels of the other convention, converted after the training step assigns them."""

import pytest

from descend.doctor.remedies.relabel import relabel

STEP = "loss = criterion(net(a), net(b), same)\n    loss.backward()\n"
BOUND = {
    "by the loop": ("for a, b, same in loader:\n    {new}", STEP),
    "by the loop, a block first": ("for a, b, same in loader:\n    {new}if a:\n        pass\n    ", STEP),
    "by a statement": ("for batch in loader:\n    a, b, same = batch\n    {new}", STEP),
    "by the function": ("def step(a, b, same):\n    {new}", STEP),
}


@pytest.mark.parametrize("how", BOUND)
def test_the_labels_are_converted_after_their_assignment(patient, how):
    head, tail = BOUND[how]
    text = head.format(new="") + tail
    edited = patient(text, backward="loss.backward(").edited(relabel, name="same", expression="1 - same")
    assert edited == head.format(new="same = 1 - same\n    ") + tail


def test_labels_assigned_outside_the_step_are_refused(patient):
    text = "same = load()\nfor a in loader:\n    loss = f(net(a), same)\n    loss.backward()\n"
    refusal = patient(text, backward="loss.backward(").refusal(relabel, name="same", expression="1 - same")
    assert "does not assign same" in refusal
