import torch
from moments import Training
from torch import nn
from torch.distributions import Bernoulli, Categorical

from descend.doctor.measure.self_sampled_loss import self_sampled_loss
from descend.doctor.record import Fact, facts

torch.manual_seed(0)
X, Y = torch.randn(20, 4), torch.randint(3, (20,))
NET = nn.Linear(4, 3)


def policy() -> torch.Tensor:
    choice = Categorical(logits=NET(X))
    return -(choice.log_prob(choice.sample()) * Y).mean()


def gates() -> torch.Tensor:
    gate = Bernoulli(logits=NET(X))
    return -(gate.log_prob(gate.sample()).sum(1) * Y).mean()


def masked() -> torch.Tensor:
    return nn.functional.cross_entropy(NET(X * torch.bernoulli(torch.full_like(X, 0.5))), Y)


def seen(step) -> list[Fact]:
    return list(self_sampled_loss(Training(NET, [step]).snapshot()))


def test_actions_that_the_network_draws() -> None:
    assert seen(policy) == [Fact.of(facts.SelfSampledLoss("multinomial"), 0)]
    assert seen(gates) == [Fact.of(facts.SelfSampledLoss("bernoulli"), 0)]


def test_noise_that_does_not_depend_on_the_network() -> None:
    assert seen(masked) == []
    assert seen(lambda: nn.functional.cross_entropy(nn.functional.dropout(NET(X)), Y)) == []
