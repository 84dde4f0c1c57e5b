"""A screening test: two classes, one hidden layer of logistic units.

Fault: none
Looks like: saturated_units or vanishing_gradients because of the sigmoid; one hidden layer of it, on standardised inputs and with Adam, trains without trouble.
Metric: Accuracy, higher is better; 0.4618 without learning
"""

import torch
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)  # clinic: seed(0) | seed(14)
X, y = make_classification(
    n_samples=2500,
    n_features=8,
    n_informative=5,
    n_redundant=0,
    n_clusters_per_class=2,
    class_sep=1.4,
    flip_y=0.1,  # clinic: 0.1 | 0.15
    random_state=8,
)
X = torch.tensor((X - X.mean(axis=0)) / X.std(axis=0)).float()
y = torch.tensor(y).float()


class Net(torch.nn.Module):
    def __init__(self, hidden_size):
        super(Net, self).__init__()
        self.fc1 = torch.nn.Linear(8, hidden_size)
        self.fc2 = torch.nn.Linear(hidden_size, 1)
        self.sigmoid = torch.nn.Sigmoid()

    def forward(self, x):
        hidden = self.sigmoid(self.fc1(x))
        output = self.sigmoid(self.fc2(hidden))
        return output


model = Net(20)  # clinic: Net(20) | Net(32)
criterion = torch.nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
dataloader = DataLoader(TensorDataset(X, y), batch_size=50, shuffle=True)

for epoch in range(10):
    correct, losses = 0, 0.0
    for x_batch, y_batch in dataloader:
        optimizer.zero_grad()
        y_pred = model(x_batch).reshape(-1)
        loss = criterion(y_pred, y_batch)
        loss.backward()
        optimizer.step()
        losses += loss.item()
        correct += ((y_pred > 0.5).float() == y_batch).sum().item()
    if epoch % 2 == 1:
        print("Epoch:", epoch + 1, "Loss:", round(losses / len(dataloader), 4), "Accuracy:", correct / len(X))
