from descend.doctor.remedies.insert_activations import insert_activations


def test_the_call_is_inserted_before_the_optimizer(patient):
    p = patient("import torch\nnet = Net()\no = torch.optim.SGD(net.parameters())\n", optimizer="torch.optim.SGD(")
    assert "\ninsert_activations(net)\no = torch" in p.edited(insert_activations)
