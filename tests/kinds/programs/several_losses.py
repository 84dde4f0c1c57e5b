"""One body, two tasks, two losses; sick: the body is cut from both."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
digits = torch.load("digits.pt")
images = digits["images"] / 16 - 0.3
labels = digits["labels"]
inks = images.mean(dim=1, keepdim=True)
inks = (inks - inks.mean()) / inks.std()


class TwoTasks(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 48), nn.ReLU())
        self.digit, self.ink = nn.Linear(48, 10), nn.Linear(48, 1)

    def forward(self, x):
        features = self.body(x)  # sick: self.body(x) | self.body(x).detach()
        return self.digit(features), self.ink(features)


net = TwoTasks()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
for step in range(150):
    rows = torch.randint(0, len(images), (64,))
    digit, ink = net(images[rows])
    digit_loss = F.cross_entropy(digit, labels[rows])
    ink_loss = F.mse_loss(ink, inks[rows])
    loss = digit_loss + 0.5 * ink_loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, digit_loss.item(), ink_loss.item())
