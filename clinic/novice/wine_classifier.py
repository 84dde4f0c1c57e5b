"""Wine classifier.

Fault: output_loss_mismatch or inputs_not_normalised
Fix: Standardise the features with training mean/std and remove the Softmax layer.
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

torch.manual_seed(1)

data = load_wine()
X_train, X_test, y_train, y_test = train_test_split(
    data.data, data.target, test_size=0.3, random_state=1, stratify=data.target)

X_train = torch.FloatTensor(X_train)
X_test = torch.FloatTensor(X_test)
y_train = torch.LongTensor(y_train)
y_test = torch.LongTensor(y_test)

print("train:", X_train.shape, "test:", X_test.shape)

model = nn.Sequential(
    nn.Linear(13, 64),
    nn.ReLU(),
    nn.Linear(64, 32),
    nn.ReLU(),
    nn.Linear(32, 3),
    nn.Softmax(dim=1),
)
print(model)

loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

num_epochs = 1500
for epoch in range(num_epochs):
    model.train()
    y_pred = model(X_train)
    loss = loss_function(y_pred, y_train)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

    if (epoch + 1) % 100 == 0:
        model.eval()
        with torch.no_grad():
            train_acc = (model(X_train).argmax(dim=1) == y_train).float().mean()
            test_acc = (model(X_test).argmax(dim=1) == y_test).float().mean()
        print("Epoch %d/%d  loss=%.4f  train_acc=%.3f  test_acc=%.3f"
              % (epoch + 1, num_epochs, loss.item(), train_acc, test_acc))
