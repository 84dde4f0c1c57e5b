"""A file that is not a checkpoint, or that was edited: `ValueError`, and nothing has been loaded."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from sampling import repeatable, sampled

from descend.averaging.checkpoint import Checkpoint

from .damaged_values import mutants


def parts() -> dict[str, Any]:
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 1)
    return {"model": model, "optimizer": torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)}


@pytest.fixture
def saved(tmp_path) -> dict[str, Any]:
    Checkpoint(tmp_path / "run.pt", **parts()).save(3)
    return torch.load(tmp_path / "run.pt", weights_only=True)


def refused(path: Path) -> str:
    """Return why a file is refused; the parts and the generators are as they were."""
    own = parts()
    before = [value.clone() for value in own["model"].state_dict().values()]
    for value in own["model"].parameters():
        value.data += 1
    drawn = torch.get_rng_state()
    with pytest.raises(ValueError) as error:
        Checkpoint(path, **own).resume()
    assert all(torch.equal(a + 1, b) for a, b in zip(before, own["model"].state_dict().values()))
    assert torch.equal(drawn, torch.get_rng_state())
    return str(error.value)


MISSING = ["format", "progress", "kinds", "parts", "generators"]


@pytest.mark.parametrize("name", MISSING)
def test_a_file_without_a_part_of_it(tmp_path, saved, name):
    torch.save({key: value for key, value in saved.items() if key != name}, tmp_path / "run.pt")
    assert "run.pt" in refused(tmp_path / "run.pt")


ODD: dict[str, Any] = {
    "generators": [None, {}, {"torch": torch.zeros(3)}, [], 3],
    "parts": [None, [], {"model": None, "optimizer": None}, {"model": {}, "optimizer": {}}, 3],
    "kinds": [None, {}, [], 3],
    "progress": [[1], {"a": 1}, torch.zeros(2)],
    "format": [None, 2, "1", [1]],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in ODD.items() for value in values])
def test_a_file_with_a_part_of_another_type(tmp_path, saved, name, value):
    torch.save(saved | {name: value}, tmp_path / "run.pt")
    assert "run.pt" in refused(tmp_path / "run.pt")


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a pickle that runs", "nothing"])
def test_what_is_no_file_of_a_checkpoint(tmp_path, kind):
    path = tmp_path / "run.pt"
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "nothing":
        path.touch()
    else:
        path.write_bytes(f"cos\nsystem\n(S'touch {tmp_path}/ran'\ntR.".encode())
    assert "run.pt" in refused(path) and not (tmp_path / "ran").exists()


@pytest.mark.parametrize("examples", sampled([30, 1000], 30))
def test_a_mutated_checkpoint_is_refused_or_resumes(tmp_path, saved, examples):
    plain = {name: saved[name] for name in ("format", "progress", "kinds")}

    @repeatable(examples)
    @given(mutants(plain))
    def one(mutated: Any) -> None:
        torch.save(saved | mutated if isinstance(mutated, dict) else mutated, tmp_path / "run.pt")
        try:
            progress = Checkpoint(tmp_path / "run.pt", **parts()).resume()
        except ValueError as error:
            assert "run.pt" in str(error)
        else:
            assert isinstance(progress, int | float | str | bool | None)

    one()
