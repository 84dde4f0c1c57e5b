import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score

torch.manual_seed(2024)

# spectra: positive, heavy-tailed intensities; only the shape of a row matters
N, D = 6000, 20
spectra = torch.exp(0.7 * torch.randn(N, D))
X = F.normalize(spectra, dim=1)
X = (X - X.mean(0)) / X.std(0)

teacher = nn.Sequential(nn.Linear(D, 12), nn.Tanh(), nn.Linear(12, 1))
for layer in (teacher[0], teacher[2]):
    nn.init.normal_(layer.weight, std=1.5 / layer.in_features ** 0.5)
with torch.no_grad():
    logit = teacher(X).squeeze(1)
    logit = 3.0 * (logit - logit.mean()) / logit.std()
    p = torch.sigmoid(logit)
    y = torch.bernoulli(p)

X_train, y_train = X[:4500], y[:4500]
X_test, y_test, p_test = X[4500:], y[4500:], p[4500:]

student = nn.Sequential(
    nn.Linear(D, 32), nn.Tanh(),
    nn.Linear(32, 1),
)
opt = torch.optim.AdamW(student.parameters(), lr=4e-3, weight_decay=0.02)


@torch.no_grad()
def auc():
    student.eval()
    score = torch.sigmoid(student(X_test).squeeze(1)).numpy()
    student.train()
    return roc_auc_score(y_test.numpy(), score)


print(f"AUC before training {auc():.4f}")
EPOCHS, BATCH = 20, 100
for epoch in range(EPOCHS):
    total = 0.0
    for idx in torch.randperm(len(X_train)).split(BATCH):
        loss = F.binary_cross_entropy_with_logits(student(X_train[idx]).squeeze(1), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    if epoch % 4 == 3:
        print(f"epoch {epoch + 1:2d}  train loss {total / len(X_train):.4f}  test AUC {auc():.4f}")

print(f"student AUC {auc():.4f}")
print(f"teacher AUC {roc_auc_score(y_test.numpy(), p_test.numpy()):.4f}")
