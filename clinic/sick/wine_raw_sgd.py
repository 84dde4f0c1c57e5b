"""Wine cultivars with a small network.

Fault: inputs_not_normalised
Fix: standardise the features
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

torch.manual_seed(1)
X, y = load_wine(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=1, stratify=y)
X_train = torch.FloatTensor(X_train)
X_test = torch.FloatTensor(X_test)
y_train = torch.LongTensor(y_train)
y_test = torch.LongTensor(y_test)

n_hidden = 20  # clinic: 20 | 12 | 40
model = torch.nn.Sequential(
    torch.nn.Linear(13, n_hidden),
    torch.nn.Tanh(),
    torch.nn.Linear(n_hidden, 3),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)  # clinic: lr=0.05 | lr=0.02 | lr=0.1

for epoch in range(300):
    logits = model(X_train)
    loss = F.cross_entropy(logits, y_train)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (epoch + 1) % 50 == 0:
        acc = (model(X_test).argmax(1) == y_test).float().mean()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}, test accuracy {acc.item():.3f}")
