from descend.doctor.remedies.batch_first import batch_first

NET = "import torch.nn as nn\nrnn = nn.LSTM(3, 8{})\n"


def test_the_layer_gets_batch_first(patient):
    assert patient(NET.format(""), mixing="nn.LSTM(").changes(batch_first, batch_first=True) == [
        "-rnn = nn.LSTM(3, 8)",
        "+rnn = nn.LSTM(3, 8, batch_first=True)",
    ]
    reversed_layer = patient(NET.format(", num_layers=2, batch_first=False"), mixing="nn.LSTM(")
    assert "nn.LSTM(3, 8, num_layers=2, batch_first=True)" in reversed_layer.edited(batch_first, batch_first=True)
    reversed_layer = patient(NET.format(", batch_first=True"), mixing="nn.LSTM(")
    assert "nn.LSTM(3, 8, batch_first=False)" in reversed_layer.edited(batch_first, batch_first=False)


def test_a_layer_whose_constructor_was_not_seen_is_refused(patient):
    assert "did not show where" in patient(NET.format("")).refusal(batch_first, batch_first=True)
