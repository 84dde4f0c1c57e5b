from descend.remedies.insert_activations import insert_activations


def test_it_stands_before_the_optimizer(patient):
    p = patient("import torch\nnet = Net()\no = torch.optim.SGD(net.parameters())\n", optimizer="torch.optim.SGD(")
    assert p.changes(insert_activations) == [
        "+from descend.network import insert_activations",
        "+insert_activations(net)",
    ]
