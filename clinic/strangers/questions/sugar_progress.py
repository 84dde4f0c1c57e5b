import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(10)

X, Y = load_diabetes(return_X_y=True, scaled=False)
X = StandardScaler().fit_transform(X)
X_train, X_test, Y_train, Y_test = train_test_split(X, Y, test_size=0.2, random_state=10)
X_train, X_test = torch.FloatTensor(X_train), torch.FloatTensor(X_test)
Y_train, Y_test = torch.FloatTensor(Y_train)[:, None], torch.FloatTensor(Y_test)[:, None]

model = nn.Sequential()
model.add_module("d1", nn.Linear(X_train.shape[1], 16))
model.add_module("a1", nn.Tanh())
model.add_module("d2", nn.Linear(16, 16))
model.add_module("a2", nn.Tanh())
model.add_module("d3", nn.Linear(16, 1))
model.add_module("a3", nn.Tanh())

optimizer = torch.optim.RMSprop(model.parameters(), lr=0.001)
mse = nn.MSELoss()
batch_size, nb_epoch = 32, 80

for epoch in range(nb_epoch):
    total = 0.0
    for sel in torch.randperm(len(X_train)).split(batch_size):
        optimizer.zero_grad()
        loss = mse(model(X_train[sel]), Y_train[sel])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(sel)
    if epoch % 8 == 7:
        print("Epoch %d/%d loss: %.4f" % (epoch + 1, nb_epoch, total / len(X_train)))

with torch.no_grad():
    pred = model(X_test)
print("test R2 %.3f" % (1 - ((pred - Y_test) ** 2).sum() / ((Y_test - Y_test.mean()) ** 2).sum()).item())
print(pred[:5].flatten().tolist())
