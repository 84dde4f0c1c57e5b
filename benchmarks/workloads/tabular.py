"""Classify the rows of a table with a multilayer perceptron."""

import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

SEED = 0
BATCH_SIZE = 64
EPOCHS = 10
LR = 1e-3

rows, labels = make_classification(4000, 30, n_informative=12, n_classes=4, flip_y=0.05, random_state=0)
rows = torch.tensor((rows - rows.mean(0)) / rows.std(0), dtype=torch.float32)
labels = torch.tensor(labels)
train = TensorDataset(rows[:3000], labels[:3000])
test_rows, test_labels = rows[3000:], labels[3000:]

torch.manual_seed(SEED)
loader = DataLoader(train, batch_size=BATCH_SIZE, shuffle=True)
model = nn.Sequential(nn.Linear(30, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 4))
optimizer = torch.optim.Adam(model.parameters(), lr=LR)
for epoch in range(EPOCHS):
    model.train()
    for inputs, targets in loader:
        loss = cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        outputs = model(test_rows)
        test_loss = cross_entropy(outputs, test_labels).item()
        accuracy = (outputs.argmax(1) == test_labels).float().mean().item()
    print(f"epoch {epoch + 1} test loss {test_loss:.4f} test accuracy {accuracy:.4f}")
