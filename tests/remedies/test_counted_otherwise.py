"""Reshapes with exchanged dimensions, of data whose sizes are not known."""

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
def test_every_occurrence_of_the_call_is_edited(pointed_at, call):
    edited = pointed_at(f"x = {call}\nother = {call}\n", call).edited(transpose, **AT)
    assert edited == f"x = {COUNTED[call]}\nother = {COUNTED[call]}\n"


@pytest.mark.parametrize("library", [np, torch])
def test_channels_are_moved_to_the_first_dimension(library):
    images = library.arange(2 * 32 * 24 * 3).reshape(2, 32, 24, 3)
    moved = eval(COUNTED[IMAGES], {"load": lambda path: images, "path": ""})
    assert moved.shape == (2, 3, 32, 24) and (moved[1, 2] == images[1, :, :, 2]).all()


def test_a_text_cut_into_streams_is_read_along_the_streams():
    text = torch.arange(60)
    streams = eval(COUNTED["text[:n].view(-1, 20)"], {"text": text, "n": 60})
    assert streams.shape == (3, 20) and streams[:, 1].tolist() == [3, 4, 5]


def test_unknown_sizes_are_refused(pointed_at):
    refusal = pointed_at("x = x.view(*shape)\n", "x.view(*shape)").refusal(transpose, **AT)
    assert "does not contain the sizes" in refusal
