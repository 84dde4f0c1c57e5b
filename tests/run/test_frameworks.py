"""Lightning, the Transformers Trainer and accelerate train under observation as they do without."""

import importlib.util
from pathlib import Path

import pytest

pytestmark = [pytest.mark.frameworks, pytest.mark.slow]


def need(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


@pytest.mark.parametrize("accumulated", [1, 2])
def test_lightning(stage, accumulated):
    need("lightning")
    plain = stage.plainly("lightning_loop.py", str(accumulated))
    for role in ("watch", "exam"):
        seen = stage.observed(role, "lightning_loop.py", str(accumulated))
        assert seen.witness == plain.witness, role
        record = seen.record
        micro = plain.losses["micro"]  # as it goes backward: divided already
        losses = [sum(micro[i : i + accumulated]) for i in range(0, len(micro), accumulated)]
        assert list(record.series("loss", "0").values) == pytest.approx(losses, rel=1e-6)
        assert record.site("optimizer").variable == "optimizer"
        assert "lightning" in record.site("step").file  # the step is the library's
    assert record.fact("monitor")


def test_transformers_trainer(stage):
    need("transformers")
    plain = stage.plainly("trainer_loop.py")
    for role in ("watch", "exam"):
        seen = stage.observed(role, "trainer_loop.py")
        assert seen.witness == plain.witness, role
        record = seen.record
        assert list(record.series("loss", "0").values) == pytest.approx(plain.losses["0"], rel=2e-4)  # it logs 4 digits
        for kind in ("optimizer", "step", "backward", "loader"):
            site = record.site(kind)
            assert not Path(site.file).is_relative_to(Path(__file__).parents[1]) and "site-packages" in site.file
    assert record.fact("monitor")


def test_accelerate(stage):
    need("accelerate")
    plain = stage.plainly("accelerate_loop.py")
    for role in ("watch", "exam"):
        seen = stage.observed(role, "accelerate_loop.py")
        assert seen.witness == plain.witness, role
        record = seen.record
        assert list(record.series("loss", "0").values) == pytest.approx(plain.losses["0"], rel=1e-6)
        assert record.site("optimizer").variable == "optimizer"
    assert record.fact("monitor")
