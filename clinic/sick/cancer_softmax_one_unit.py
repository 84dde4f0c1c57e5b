"""Breast cancer: probability of a benign tumour with nn.Sequential and BCELoss.

Fault: output_loss_mismatch
Fix: use nn.Sigmoid() instead of nn.Softmax(dim=1) on the single output unit (softmax over one unit is always 1)
"""
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

# load and prepare the data
data = load_breast_cancer()
X = StandardScaler().fit_transform(data.data)
X_train, X_test, y_train, y_test = train_test_split(X, data.target, test_size=0.2, random_state=7)
X_train = torch.FloatTensor(X_train)
y_train = torch.FloatTensor(y_train).view(-1, 1)
X_test = torch.FloatTensor(X_test)
y_test = torch.FloatTensor(y_test).view(-1, 1)

np.random.seed(7)
torch.manual_seed(7)

# build the model
n_hidden = 16  # clinic: 16 | 60
classifier = nn.Sequential(
    nn.Linear(30, n_hidden),
    nn.ReLU(),  # clinic: nn.ReLU() | nn.Tanh()
    nn.Linear(n_hidden, 8),
    nn.ReLU(),
    nn.Linear(8, 1),
    nn.Softmax(dim=1),
)
criterion = nn.BCELoss()
optimizer = optim.Adam(classifier.parameters(), lr=0.005)  # clinic: Adam(classifier.parameters(), lr=0.005) | SGD(classifier.parameters(), lr=0.1, momentum=0.9)

# train
epochs, batch_size = 20, 32
for epoch in range(epochs):
    idx = np.random.permutation(len(X_train))
    for i in range(0, len(idx), batch_size):
        batch = idx[i : i + batch_size]
        y_pred = classifier(X_train[batch])
        loss = criterion(y_pred, y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if (epoch + 1) % 5 == 0:
        print("Epoch {}/{}, loss: {:.4f}".format(epoch + 1, epochs, loss.item()))

# evaluate
with torch.no_grad():
    y_hat = classifier(X_test).round()
    print("Accuracy: {:.4f}".format((y_hat == y_test).float().mean().item()))
