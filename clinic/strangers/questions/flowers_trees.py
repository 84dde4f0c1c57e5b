"""Compare a random forest with a network on the iris table."""
import torch
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 1


def main():
    torch.manual_seed(2)
    X, y = load_iris(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.33, random_state=2)

    forest = RandomForestClassifier(n_estimators=50, random_state=0).fit(X_train, y_train)
    print("forest accuracy", round(forest.score(X_test, y_test), 3))

    train = TensorDataset(torch.tensor(X_train).float(), torch.tensor(y_train))
    loader = DataLoader(train, batch_size=32, shuffle=True)

    net = nn.Sequential(
        nn.Linear(4, 150), nn.Tanh(),
        nn.Linear(150, 150), nn.Tanh(),
        nn.Linear(150, 150), nn.Tanh(),
        nn.Linear(150, 3),
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=0.001)
    criterion = nn.CrossEntropyLoss()

    for epoch in range(EPOCHS):
        for features, target in loader:
            optimizer.zero_grad()
            loss = criterion(net(features), target)
            loss.backward()
            optimizer.step()
            print("epoch", epoch, "loss", round(loss.item(), 4))

    with torch.no_grad():
        guess = net(torch.tensor(X_test).float()).argmax(1).numpy()
    print("network accuracy", round((guess == y_test).mean(), 3))


if __name__ == "__main__":
    main()
