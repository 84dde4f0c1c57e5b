import pytest

from descend.doctor.record import Site
from descend.doctor.remedies.statistics_momentum import statistics_momentum

CALLS = [
    ("nn.BatchNorm1d(8, momentum=0.001)", "nn.BatchNorm1d(8, momentum=0.1)"),
    ("nn.BatchNorm2d(8, 1e-5, 0.99)", "nn.BatchNorm2d(8, 1e-5, 0.1)"),
    ("nn.BatchNorm2d(8)", "nn.BatchNorm2d(8, momentum=0.1)"),  # set afterwards
    ("norm(8, momentum=decay / 2)", "norm(8, momentum=0.1)"),
]


@pytest.mark.parametrize(("before", "after"), CALLS)
def test_the_momentum_of_one_layer_is_changed(patient, before: str, after: str) -> None:
    p = patient(f"m = {before}\n", running_statistics=before.partition("(")[0])
    assert p.edited(statistics_momentum, momentum=0.1) == f"m = {after}\n"


def test_a_number_that_several_layers_share_is_changed(patient) -> None:
    text = "M = 0.001\na = nn.BatchNorm1d(8, momentum=M)\nb = nn.BatchNorm1d(9, 1e-5, M)\n"
    p = patient(text, running_statistics="nn.BatchNorm1d(8")
    first = p.record.site("running_statistics")
    end = len("b = nn.BatchNorm1d(9, 1e-5, M)")
    p.record.sites.append(Site("running_statistics", "b", first.file, 3, 4, 3, end, detail="BatchNorm1d"))
    assert p.edited(statistics_momentum, momentum=0.1) == text.replace("0.001", "0.1")


def test_a_layer_made_elsewhere_is_refused(patient) -> None:
    p = patient("m = block(8)\n", running_statistics="block(", made={"running_statistics": "BatchNorm2d"})
    assert "only indirectly" in p.refusal(statistics_momentum, momentum=0.1)
