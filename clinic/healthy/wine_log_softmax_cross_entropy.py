"""Wine cultivars with a small network that returns log-probabilities.

Fault: none
Looks like: output_loss_mismatch, since CrossEntropyLoss gets the output of log_softmax; the log-softmax of log-probabilities is the same log-probabilities, so it is only superfluous.
Metric: accuracy, higher is better; 0.3483 without learning
"""

import torch
from sklearn.datasets import load_wine
from torch import nn

torch.manual_seed(42)  # clinic: seed(42) | seed(43)


class WineNet(nn.Module):
    def __init__(self, n_hidden):
        super().__init__()
        self.hidden = nn.Linear(13, n_hidden)
        self.output = nn.Linear(n_hidden, 3)

    def forward(self, x):
        x = torch.relu(self.hidden(x))
        return torch.log_softmax(self.output(x), dim=1)


wine = load_wine()
features = torch.tensor(wine.data, dtype=torch.float32)
features = (features - features.mean(dim=0)) / features.std(dim=0)
labels = torch.tensor(wine.target)

net = WineNet(n_hidden=24)  # clinic: n_hidden=24 | n_hidden=16 | n_hidden=50
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)

n_epochs = 30
batch_size = 16  # clinic: 16 | 20
for epoch in range(n_epochs):
    permutation = torch.randperm(features.size(0))
    epoch_loss = 0.0
    for start in range(0, features.size(0), batch_size):
        indices = permutation[start : start + batch_size]
        optimizer.zero_grad()
        outputs = net(features[indices])
        loss = criterion(outputs, labels[indices])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(indices)
    if (epoch + 1) % 5 == 0:
        print("Epoch {}/{} loss {:.4f}".format(epoch + 1, n_epochs, epoch_loss / len(features)))

predicted = net(features).exp().argmax(dim=1)
print("accuracy:", (predicted == labels).float().mean().item())
