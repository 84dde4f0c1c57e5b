"""Values that are counted off in the other order, of data whose own sizes are not known."""

import numpy as np
import pytest
import torch

from descend.doctor.remedies.transpose import transpose

AT = {"kind": "on_loss", "place": "0"}
IMAGES = "load(path).reshape(-1, 3, 32, 24)"
COUNTED = {
    "text[:n].view(-1, 20)": "text[:n].view(20, -1).swapaxes(0, 1)",
    "(x / 255).reshape((n, 3, 9))": "(x / 255).reshape(n, 9, 3).swapaxes(1, 2)",
    IMAGES: "load(path).reshape(-1, 32, 24, 3).swapaxes(1, 3).swapaxes(2, 3)",
}


@pytest.mark.parametrize("call", COUNTED)
def test_wherever_the_same_call_stands(pointed_at, call):
    edited = pointed_at(f"x = {call}\nother = {call}\n", call).edited(transpose, **AT)
    assert edited == f"x = {COUNTED[call]}\nother = {COUNTED[call]}\n"


@pytest.mark.parametrize("library", [np, torch])
def test_values_with_the_channels_last_come_to_have_them_first(library):
    images = library.arange(2 * 32 * 24 * 3).reshape(2, 32, 24, 3)
    moved = eval(COUNTED[IMAGES], {"load": lambda path: images, "path": ""})
    assert moved.shape == (2, 3, 32, 24) and (moved[1, 2] == images[1, :, :, 2]).all()


def test_a_text_that_was_cut_into_streams_is_read_along_them():
    text = torch.arange(60)
    streams = eval(COUNTED["text[:n].view(-1, 20)"], {"text": text, "n": 60})
    assert streams.shape == (3, 20) and streams[:, 1].tolist() == [3, 4, 5]


def test_sizes_that_do_not_show(pointed_at):
    refusal = pointed_at("x = x.view(*shape)\n", "x.view(*shape)").refusal(transpose, **AT)
    assert "does not show the sizes" in refusal
