import pytest

from descend.doctor.codemod.average_update import average_updates
from descend.doctor.record import Fact, Site, facts
from descend.doctor.remedies.average_network import average_network

FUNCTION = """def update(average, new):
    for a, p in zip({}):
        a.mul_(0.9).add_(p, alpha=0.1)


for x in batches:
    f(net, x).backward()
    update(mean, net)
"""
LOOP = """for x in batches:
    f(net, x).backward()
    for a, p in zip({}):
        a.lerp_(p, 0.1)
"""


def averaging(patient, text: str):
    """Return a script whose run evaluated `mean`, a copy of `net`."""
    p = patient(text)
    line = next(n for n, each in enumerate(text.splitlines(), 1) if "backward" in each)
    p.record.sites.append(Site("backward", "", str(p.script.path), line, 4, line, 24))
    p.record.add(Fact.of(facts.EvaluatedCopy(0.0, "mean", "net", is_network_called=False), 0, "0.0"))
    return p


@pytest.mark.parametrize(
    ("text", "averaged", "right"),
    [
        (FUNCTION, "average.parameters(), average.parameters()", "average.parameters(), new.parameters()"),
        (FUNCTION, "new.parameters(), average.parameters()", "average.parameters(), new.parameters()"),
        (LOOP, "mean.parameters(), mean.parameters()", "mean.parameters(), net.parameters()"),
        (LOOP, "net.parameters(), mean.parameters()", "mean.parameters(), net.parameters()"),
    ],
)
def test_the_network_is_averaged_into_its_copy(patient, text: str, averaged: str, right: str) -> None:
    p = averaging(patient, text.format(averaged))
    assert p.edited(average_network) == text.format(right)
    (site,) = average_updates(p.script, p.record)
    assert p.text.splitlines()[site.line - 1][site.column : site.end_column] == f"zip({averaged})"


@pytest.mark.parametrize("averaged", ["mean.parameters(), net.parameters()", "teacher.parameters(), net.parameters()"])
def test_an_average_of_the_network_stays(patient, averaged: str) -> None:
    p = averaging(patient, LOOP.format(averaged))
    assert "of the wrong network" in p.refusal(average_network) and not average_updates(p.script, p.record)
