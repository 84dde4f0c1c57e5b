import torch
import torch.nn as nn

torch.manual_seed(1)

# label depends on the second coordinate only
train_data = torch.tensor([[0., 0.], [1., 0.], [0., 1.], [1., 1.]])
train_labels = torch.tensor([[0.], [0.], [1.], [1.]])

model = nn.Sequential(
    nn.BatchNorm1d(2),
    nn.Linear(2, 1),
    nn.Sigmoid(),
)
optimizer = torch.optim.Adam(model.parameters())
criterion = nn.BCELoss()

epochs = 20
for epoch in range(1, epochs + 1):
    model.train()
    optimizer.zero_grad()
    out = model(train_data)
    loss = criterion(out, train_labels)
    loss.backward()
    optimizer.step()
    if epoch % max(1, epochs // 20) == 0:
        acc = ((out > 0.5).float() == train_labels).float().mean().item()
        print(f"Epoch {epoch}/{epochs} loss: {loss.item():.4f} acc: {acc:.4f}")

model.eval()
with torch.no_grad():
    print(model(train_data))
