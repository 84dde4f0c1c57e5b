"""Recognise handwritten digits (8 x 8 pixels) with one hidden layer."""

import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

SEED = 0
EPOCHS = 12
BATCH_SIZE = 64

torch.manual_seed(SEED)

digits = load_digits()
X_train, X_test, y_train, y_test = train_test_split(
    digits.data, digits.target, test_size=0.2, random_state=1, stratify=digits.target
)
scaler = StandardScaler()
X_train = torch.tensor(scaler.fit_transform(X_train), dtype=torch.float32)
X_test = torch.tensor(scaler.transform(X_test), dtype=torch.float32)
y_train = torch.tensor(y_train, dtype=torch.long)
y_test = torch.tensor(y_test, dtype=torch.long)

train_loader = DataLoader(TensorDataset(X_train, y_train), batch_size=BATCH_SIZE, shuffle=True)

model = nn.Sequential(
    nn.Linear(64, 32),
    nn.ReLU(),
    nn.Linear(32, 10),
    nn.Softmax(dim=1),
)
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)


def train():
    model.train()
    for epoch in range(EPOCHS):
        running_loss = 0.0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        if (epoch + 1) % 2 == 0:
            print("Epoch %d, loss: %.4f" % (epoch + 1, running_loss / len(train_loader)))


def test(X, y):
    model.eval()
    with torch.no_grad():
        outputs = model(X)
        _, predicted = torch.max(outputs, 1)
        return criterion(outputs, y).item(), (predicted == y).float().mean().item()


if __name__ == "__main__":
    train()
    loss, accuracy = test(X_train, y_train)
    print("Training loss: %.4f, training accuracy: %.1f %%" % (loss, 100 * accuracy))
    loss, accuracy = test(X_test, y_test)
    print("Test loss: %.4f, test accuracy: %.1f %%" % (loss, 100 * accuracy))
