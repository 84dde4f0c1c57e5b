"""Lightning, the Transformers Trainer and accelerate train the same with and without observation."""

import importlib.util
from pathlib import Path

import pytest

from descend.doctor.record import facts

pytestmark = [pytest.mark.frameworks, pytest.mark.slow]


def need(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


@pytest.mark.thorough  # the test of callbacks trains with Lightning, too
def test_lightning_is_observed_without_changes(stage):
    need("lightning")
    accumulated = 2
    losses, records = stage.unharmed("lightning_loop.py", str(accumulated))
    micro = losses["micro"]  # losses as they are differentiated: already divided
    expected = [sum(micro[i : i + accumulated]) for i in range(0, len(micro), accumulated)]
    for record in records:
        assert list(record.series("loss", "0").values) == pytest.approx(expected, rel=1e-6)
        assert record.site("optimizer").variable == "optimizer"
        assert "lightning" in record.site("step").file  # The library calls step().
    assert records[-1].fact(facts.Monitor)


def test_the_transformers_trainer_is_observed_without_changes(stage):
    need("transformers")
    losses, records = stage.unharmed("trainer_loop.py")
    for record in records:
        # Transformers logs 4 digits.
        assert list(record.series("loss", "0").values) == pytest.approx(losses["0"], rel=2e-4)
        for kind in ("optimizer", "step", "backward", "loader"):
            site = record.site(kind)
            assert not Path(site.file).is_relative_to(Path(__file__).parents[1]) and "site-packages" in site.file
            assert record.site_in_script(site).file.endswith("trainer_loop.py")
    assert records[-1].fact(facts.Monitor)


@pytest.mark.thorough
def test_accelerate_is_observed_without_changes(stage):
    need("accelerate")
    losses, records = stage.unharmed("accelerate_loop.py")
    for record in records:
        assert list(record.series("loss", "0").values) == pytest.approx(losses["0"], rel=1e-6)
        assert record.site("optimizer").variable == "optimizer"
    assert records[-1].fact(facts.Monitor)
