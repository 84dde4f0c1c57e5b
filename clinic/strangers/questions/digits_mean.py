import torch
from sklearn.datasets import load_digits

torch.manual_seed(6)

raw = load_digits()
images_all = torch.tensor(raw.images / 16.0, dtype=torch.float32)
labels_all = torch.tensor(raw.target)
train_x, train_y = images_all[:1472], labels_all[:1472]
test_x, test_y = images_all[1472:], labels_all[1472:]


class Net(torch.nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.layer1 = torch.nn.Linear(64, 800)
        self.layer2 = torch.nn.Linear(800, 10)

    def forward(self, x):
        x = torch.sigmoid(self.layer1(x))
        x = torch.sigmoid(self.layer2(x))
        return x


batch_size = 32
net = Net()
loss_function = torch.nn.MSELoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.001)
epochs = 3

for epoch in range(epochs):
    mean_loss = 0.0
    for start in range(0, len(train_x), batch_size):
        images, labels = train_x[start:start + batch_size], train_y[start:start + batch_size]
        optimizer.zero_grad()
        for i in range(batch_size):
            output = net(torch.flatten(images[i]))
            desired_output = torch.tensor([float(j == labels[i]) for j in range(10)])
            loss = loss_function(output, desired_output)
            loss.backward()
            mean_loss += loss.item()
        optimizer.step()
    print("epoch", epoch, "loss", mean_loss / len(train_x))

with torch.no_grad():
    for k in range(4):
        print(test_y[k].item(), [round(v, 3) for v in net(torch.flatten(test_x[k])).tolist()])
    hit = (net(test_x.flatten(1)).argmax(1) == test_y).float().mean().item()
print("test accuracy", round(hit, 4))
