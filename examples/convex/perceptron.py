"""The perceptron (Rosenblatt 1958): gradient descent by single examples on the loss max(0, -y w·x).

On data that a line separates by a margin γ within a ball of radius R it makes at most (R/γ)² mistakes, in
whatever order they come (Novikoff 1962). Here: is the digit a zero?
"""

import torch
from sklearn.datasets import load_digits

torch.manual_seed(0)

data = load_digits()
images = torch.tensor(data.data, dtype=torch.float64) / 16
images = torch.cat([images, torch.ones(len(images), 1, dtype=torch.float64)], 1)  # the last weight is the bias
signs = torch.tensor(data.target == 0).double() * 2 - 1


def perceptron_loss(score: torch.Tensor, sign: torch.Tensor) -> torch.Tensor:
    """Zero where the sign is right, and how far it is wrong where not; a score of 0 counts as wrong."""
    return torch.where(sign * score > 0, 0.0, -sign * score)


weights = torch.zeros(65, dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.SGD([weights], lr=1.0)
mistakes = 0
for epoch in range(100):
    before = mistakes
    for i in torch.randperm(len(images)):
        score = images[i] @ weights
        mistakes += int(signs[i] * score <= 0)
        optimizer.zero_grad()
        perceptron_loss(score, signs[i]).backward()
        optimizer.step()
    print(f"pass {epoch}: {mistakes - before} mistakes")
    if mistakes == before:
        break
print(f"mistakes: {mistakes}")
