import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(4, 8)
        self.squash = nn.Softmax(dim=-1)  # activation output Softmax
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        return self.squash(self.out(torch.relu(self.hidden(x))))


def make_optimizer(kind, parameters):
    kinds = {"adam": torch.optim.Adam}
    return kinds[kind](parameters, lr=1e-3)  # optimizer 0 kinds[kind]


class Trainer:
    def __init__(self, model, data):
        self.model, self.loader = (
            model,
            DataLoader(data, batch_size=8),  # loader 0 DataLoader
        )
        self.opt = make_optimizer("adam", self.model.parameters())

    def fit(self):
        for batch in self.loader:
            self.training_step(*batch)

    def training_step(self, x, y):
        self.opt.zero_grad(set_to_none=True)
        loss = F.cross_entropy(  # loss - cross_entropy
            self.model(  # model_call 0 model
                x,
            ),
            y,
        )
        torch.autograd.backward(loss)  # backward - backward
        self.opt.step()  # step 0 step


def main():
    torch.manual_seed(0)
    model = Network().to("cpu").train()  # model 0 Network
    x, y = torch.rand(64, 4), torch.randint(0, 3, (64,))
    Trainer(model, TensorDataset(x, y)).fit()


if __name__ == "__main__":
    main()
