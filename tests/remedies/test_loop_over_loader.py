import pytest

from descend.doctor.record import Site
from descend.doctor.remedies.loop_over_loader import loop_over_loader
from descend.doctor.remedies.uniform_sampler import uniform_sampler

HEAD = "from torch.utils.data import DataLoader\nloader = DataLoader(data, 8)\n"


def with_loop(patient, text, line):
    """Return a patient whose run saw an exhausted iterator in a loop of the given line."""
    p = patient(text)
    p.record.sites.append(Site("exhausted", "0", str(p.script.path), line, 0))
    return p


@pytest.mark.parametrize(
    ("made", "loop", "edited"),
    [
        ("batches = iter(loader)", "for x, y in batches:", "for x, y in loader:"),
        ("batches = iter(DataLoader(data, 8))", "for x, y in batches:", "for x, y in DataLoader(data, 8):"),
        ("batches = iter(loader)", "for i, (x, y) in enumerate(batches):", "for i, (x, y) in enumerate(loader):"),
    ],
)
def test_the_loop_gets_the_loader(patient, made, loop, edited):
    p = with_loop(patient, f"{HEAD}{made}\n{loop}\n    train(x, y)\n", 4)
    assert p.edited(loop_over_loader, loader="0") == f"{HEAD}{made}\n{edited}\n    train(x, y)\n"


def test_an_iterator_of_unknown_origin_is_refused(patient):
    p = with_loop(patient, f"{HEAD}batches = f(loader)\nfor x, y in batches:\n    train(x, y)\n", 4)
    assert "does not name an iterator" in p.refusal(loop_over_loader, loader="0")
    assert "did not show which loop" in patient(HEAD).refusal(loop_over_loader, loader="0")


def test_the_sampler_gives_way_to_shuffling(patient):
    p = patient("loader = DataLoader(data, 8, sampler=Weighted(w, n))\n", loader="DataLoader(")
    assert p.edited(uniform_sampler, loader="0") == "loader = DataLoader(data, 8, shuffle=True)\n"


@pytest.mark.parametrize("call", ["DataLoader(data, 8)", "DataLoader(data, shuffle=False, sampler=Weighted(w, n))"])
def test_a_loader_without_a_sampler_alone_is_refused(patient, call):
    assert "argument" in patient(f"loader = {call}\n", loader="DataLoader(").refusal(uniform_sampler, loader="0")
