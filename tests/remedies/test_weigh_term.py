import pytest

from descend.remedies.weigh_term import weigh_term

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


def test_a_sum_that_is_not_written_there(patient):
    assert patient(LOSS.format("mu.prod()"), summed_term="mu.prod(").refusal(weigh_term, divisor=64)
    assert "did not show where" in patient(LOSS.format("mu.prod()")).refusal(weigh_term, divisor=64)
