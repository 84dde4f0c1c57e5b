import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from own_log import OwnLog

set_seed(1)
accelerator = Accelerator(gradient_accumulation_steps=2, cpu=True)
x, y = torch.randn(160, 6), torch.randint(0, 3, (160,))
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
seen = OwnLog()
parts = []
for epoch in range(3):
    for a, b in loader:
        with accelerator.accumulate(model):
            loss = F.cross_entropy(model(a), b)
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            parts.append(loss.detach() / 2)
            if accelerator.sync_gradients:
                seen.loss(torch.stack(parts).sum())
                parts.clear()
seen.end(*model.parameters())
