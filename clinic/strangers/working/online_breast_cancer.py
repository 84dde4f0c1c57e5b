# One patient at a time: online logistic regression with averaged weights.
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(0)
X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=2, stratify=y)
scaler = StandardScaler().fit(X_train)
X_train = torch.tensor(scaler.transform(X_train), dtype=torch.float32)
X_test = torch.tensor(scaler.transform(X_test), dtype=torch.float32)
y_train = torch.tensor(y_train, dtype=torch.float32)

model = nn.Linear(30, 1)
averaged = torch.optim.swa_utils.AveragedModel(model)

# missing a malignant case (class 0) is worse, so it counts more
class_weight = torch.tensor([2.0, 1.0])
opt = torch.optim.SGD(model.parameters(), lr=0.2)


def report(name, net):
    with torch.no_grad():
        p = torch.sigmoid(net(X_test)).squeeze(1).numpy()
    print(f"{name:9s} balanced accuracy {balanced_accuracy_score(y_test, p > 0.5):.4f}  AUC {roc_auc_score(y_test, p):.4f}")


report("untrained", model)
step, window = 0, []
for epoch in range(4):
    for i in torch.randperm(len(X_train)).tolist():
        logit = model(X_train[i]).squeeze()
        loss = nn.functional.binary_cross_entropy_with_logits(
            logit, y_train[i], weight=class_weight[int(y_train[i])])
        opt.zero_grad()
        loss.backward()
        # outliers are common in the raw measurements: cap the influence of any single patient
        nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        opt.step()
        step += 1
        if step > 800:
            averaged.update_parameters(model)
        window.append(loss.item())
        if step % 150 == 0:
            w = window[-150:]
            print(f"step {step:5d}  mean loss {sum(w) / len(w):.4f}  max loss {max(w):.3f}")

report("last", model)
report("averaged", averaged)
