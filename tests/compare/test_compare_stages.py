"""Trainings without a logged metric: the last of several stages is compared, and adversarial losses are not."""

import json

import pytest

SCRIPT = """
import torch

LATER = 0.05
torch.manual_seed(0)
data = torch.Generator().manual_seed(1)
inputs = torch.randn(64, 4, generator=data)
targets = inputs @ torch.tensor([1.0, -2.0, 0.5, 3.0]) + 0.1 * torch.randn(64, generator=data)

def train(model, optimizer, targets):
    for step in range(30):
        batch = torch.randint(0, 64, (16,))
        loss = torch.nn.functional.mse_loss(model(inputs[batch]).squeeze(1), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

first = torch.nn.Linear(4, 1)
train(first, torch.optim.SGD(first.parameters(), lr=0.05), -targets)
second = torch.nn.Linear(4, 1)
second.load_state_dict(first.state_dict())
train(second, torch.optim.SGD(second.parameters(), lr=LATER), targets)
"""

ADVERSARIAL = """
import torch

torch.manual_seed(0)
generator, critic = torch.nn.Linear(4, 2), torch.nn.Linear(2, 1)
generator_optimizer = torch.optim.Adam(generator.parameters(), lr=0.001)
critic_optimizer = torch.optim.Adam(critic.parameters(), lr=0.001)
measure = torch.nn.functional.binary_cross_entropy_with_logits
for step in range(30):
    real, fake = torch.randn(16, 2) + 1, generator(torch.randn(16, 4))
    critic_optimizer.zero_grad()
    (measure(critic(real), torch.ones(16, 1)) + measure(critic(fake.detach()), torch.zeros(16, 1))).backward()
    critic_optimizer.step()
    generator_optimizer.zero_grad()
    measure(critic(fake), torch.ones(16, 1)).backward()
    generator_optimizer.step()
"""


@pytest.mark.slow
def test_adversarial_losses_do_not_rank_choices(descend, tmp_path):
    (tmp_path / "train.py").write_text(ADVERSARIAL)
    done = descend("compare", "--trials", "2", "--seeds", "2", "train.py", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.strip().endswith("log a metric of the result"), done.stderr


@pytest.mark.slow
@pytest.mark.thorough
def test_a_setting_of_the_last_stage_is_ranked_by_the_loss_there(descend, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    options = ("--set", "LATER=0.0001,0.1", "--trials", "2", "--seeds", "3", "--format", "json")
    done = descend("compare", *options, "train.py", cwd=tmp_path)
    results = json.loads(done.stdout)
    verdicts = {choice["label"].partition("LATER ")[2][:3]: choice["verdict"] for choice in results["choices"]}
    assert (verdicts["0.1"], verdicts["0.0"]) == ("helps", "harms"), done.stdout
