"""`descend layout` on a script with known layers."""

import json

import pytest

from descend.core.errors import UsageError
from descend.lab.commands.layout import read_quantity

SCRIPT = """
import torch
from torch import nn
torch.manual_seed(0)
x, y = torch.randn(256, 20), torch.arange(256) % 5
last = [nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 5)]
model = nn.Sequential(nn.Linear(20, 256), nn.ReLU(), nn.Linear(256, 64), *last)
optimizer = torch.optim.Adam(model.parameters())
for step in range(60):
    rows = torch.randint(0, 256, (32,))
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
    optimizer.step()
"""


@pytest.mark.slow
def test_layers_are_measured_and_every_layout_is_predicted(descend_here, tmp_path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    link = ["--bandwidth", "1Gbit", "--latency", "60s"]
    ended = descend_here("layout", *link, "--world", "2", "--format", "json", "train.py", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    facts = json.loads(ended.stdout)["facts"]
    (layers,) = [fact["detail"] for fact in facts if fact["name"] == "layers"]
    assert [layer["name"] for layer in layers["layers"]] == ["0", "2", "3", "5"]
    assert [layer["weight_bytes"] for layer in layers["layers"]] == [4 * 256 * 21, 4 * 64 * 257, 4 * 128, 4 * 5 * 65]
    assert [layer["outputs"] for layer in layers["layers"]] == [256, 64, 0, 5]
    assert [layer["paired"] for layer in layers["layers"]] == [False, True, False, False]
    assert [layer["input_bytes"] for layer in layers["layers"]] == [32 * 4 * n for n in (20, 256, 64, 64)]
    assert layers["examples"] == 32 and layers["seconds"] > 0
    held = sum(layer["weight_bytes"] for layer in layers["layers"])
    assert layers["state_bytes"] == 2 * held
    told = {fact["place"]: fact["detail"] for fact in facts if fact["name"] == "forecast"}
    assert set(told) == {"Layout(data=2)", "Layout(tensor=2)", "Layout(pipeline=2)"}
    reduced = 2 * (held / 2 / 1.25e8 + 60)
    assert told["Layout(data=2)"]["waiting"] == pytest.approx(reduced)
    assert "descend: no layout is faster than one process" in ended.stderr  # a step takes less than a minute
    assert (tmp_path / "layout.html").stat().st_size > 10_000


def test_quantities_have_units() -> None:
    assert [read_quantity(text, "bit") for text in ("200Mbit", "1.5 Gbit/s", "10Mbps".replace("bps", "bit"))] == [
        2e8,
        1.5e9,
        1e7,
    ]
    assert [read_quantity(text, "s") for text in ("1ms", "50us", "2s")] == pytest.approx([1e-3, 5e-5, 2.0])
    for text, unit in (("200", "bit"), ("fast", "bit"), ("0ms", "s"), ("-1ms", "s"), ("3MB", "bit")):
        with pytest.raises(UsageError, match="is not a quantity such as"):
            read_quantity(text, unit)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--world", "1"], "--world must be a whole number from 2 to 1000, not 1"),
        (["--bandwidth", "much"], "'much' is not a quantity such as 200Mbit or 10Gbit"),
        (["--latency", "0ms"], "'0ms' is not a quantity such as 1ms or 50us"),
    ],
)
def test_bad_input_is_one_line(descend_here, tmp_path, arguments, says) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    ended = descend_here("layout", *arguments, str(tmp_path / "train.py"))
    assert ended.returncode == 2 and says in " ".join(ended.stderr.split())


def test_a_process_of_torchrun_gets_one_line(descend_here, tmp_path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    ended = descend_here("layout", str(tmp_path / "train.py"), env={"RANK": "0", "WORLD_SIZE": "2"})
    assert ended.returncode == 2 and "start it without torchrun" in " ".join(ended.stderr.split())
