# A comment such as "# optimizer 0 SGD" names what the call of SGD that begins on its line is recorded as.
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
größe, x, y = 8, torch.rand(64, 4), torch.randint(0, 3, (64,))
net, naïve = nn.Sequential(nn.Linear(4, größe), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(1)), "ä"  # model 0 Sequential
"ä"; loader = DataLoader(  # loader 0 DataLoader
    TensorDataset(x, y),
    batch_size=8,
)
(test_loader := DataLoader(TensorDataset(x, y), 64))  # loader 1 DataLoader
optimizer: torch.optim.Optimizer = (
    torch  # optimizer 0 SGD
    .optim
    .SGD(net.parameters(), lr=0.1)
)
criterion = nn.NLLLoss()
for inputs, labels in loader:
    optimizer.zero_grad()
    loss = criterion(torch.log(net(inputs)), labels) * 1.0  # loss - criterion; model_call 0 net
    loss.backward(); optimizer.step()  # backward - backward; step 0 step
