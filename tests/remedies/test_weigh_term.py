import pytest

from descend.doctor.remedies.weigh_term import weigh_term

LOSS = "import torch\ndef loss(rec, mu, logvar):\n    kl = {}\n    return rec + kl\n"


@pytest.mark.parametrize(
    ("line", "call", "after"),
    [
        (
            "-0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1).mean()",
            "torch.sum(",
            "-0.5 * (torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1) / 64).mean()",
        ),
        ("torch.mean((mu**2).sum(1))", "(mu**2).sum(", "torch.mean(((mu**2).sum(1) / 64))"),
        ("0.5 * torch.mean(mu**2)", "torch.mean(", "0.5 * (torch.mean(mu**2) / 64)"),
    ],
)
def test_the_sum_is_divided(patient, line, call, after):
    assert f"    kl = {after}\n" in patient(LOSS.format(line), summed_term=call).edited(weigh_term, divisor=64)


@pytest.mark.parametrize(
    ("line", "term", "factor", "after"),
    [
        ("0.001 * mu.pow(2).sum()", "0.001 * mu.pow(2).sum()", 300.0, "0.3 * mu.pow(2).sum()"),
        ("mu.pow(2).sum() * 5", "mu.pow(2).sum() * 5", 0.01, "mu.pow(2).sum() * 0.05"),
        ("mu.pow(2).sum() - mu", "mu.pow(2).sum()", 0.01, "(0.01 * mu.pow(2).sum()) - mu"),
        ("mu - logvar", "mu - logvar", 20.0, "(20.0 * (mu - logvar))"),
        ("-mu", "-mu", 20.0, "(20.0 * (-mu))"),
    ],
)
def test_a_term_gets_another_weight(pointed_at, line, term, factor, after):
    known = pointed_at(LOSS.format(line), term)
    assert f"    kl = {after}\n" in known.edited(weigh_term, kind="on_loss", place="0", factor=factor)


@pytest.mark.parametrize(
    ("line", "side", "after"),
    [
        ("mu.mean() - 0.001 * logvar.sum()", 1, "mu.mean() - 0.3 * logvar.sum()"),
        ("mu - logvar", 0, "(300.0 * mu) - logvar"),
        ("mu - logvar", 1, "mu - (300.0 * logvar)"),
    ],
)
def test_a_term_gets_another_weight_in_its_sum(pointed_at, line, side, after):
    """Other uses of the term keep its value, because it may be printed."""
    known = pointed_at(LOSS.format(line), line)
    arguments = {"kind": "on_loss", "place": "0", "factor": 300.0, "side": side}
    assert f"    kl = {after}\n" in known.edited(weigh_term, **arguments)


def test_a_sum_that_the_source_does_not_show_is_refused(patient):
    assert patient(LOSS.format("mu.prod()"), summed_term="mu.prod(").refusal(weigh_term, divisor=64)
    assert "did not show where" in patient(LOSS.format("mu.prod()")).refusal(weigh_term, divisor=64)
