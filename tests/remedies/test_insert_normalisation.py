from descend.doctor.remedies.insert_normalisation import insert_normalisation

HEAD = "import torch\nfrom torch import optim\n"


def test_the_normalisation_is_made_before_the_optimizer(patient):
    p = patient(HEAD + "net = Net()\no = optim.SGD(net.parameters())\n", optimizer="optim.SGD(")
    added = [line for line in p.changes(insert_normalisation, kind="batch") if line.startswith("+")]
    assert added == [
        "+from descend.network import insert_normalisation",
        '+insert_normalisation(net, "batch")',
    ]


def test_parameters_without_a_visible_model_are_refused(patient):
    p = patient(HEAD + "o = optim.SGD([w])\n", optimizer="optim.SGD(")
    assert "which model's parameters" in p.refusal(insert_normalisation, kind="batch")
