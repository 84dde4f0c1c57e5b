from descend.remedies.initialise_recurrent import initialise_recurrent

HEAD = "import torch\nfrom torch import optim\n"


def test_it_stands_before_the_optimizer(patient) -> None:
    p = patient(HEAD + "net = Net()\no = optim.SGD(net.parameters())\n", optimizer="optim.SGD(")
    added = [line for line in p.changes(initialise_recurrent, length=50) if line.startswith("+")]
    assert added == [
        "+from descend.network import initialise_recurrent",
        "+initialise_recurrent(net, length=50)",
    ]


def test_parameters_of_nobody(patient) -> None:
    p = patient(HEAD + "o = optim.SGD([w])\n", optimizer="optim.SGD(")
    assert "does not say whose parameters" in p.refusal(initialise_recurrent, length=50)
