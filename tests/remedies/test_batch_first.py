from descend.doctor.remedies.batch_first import batch_first

NET = "import torch.nn as nn\nrnn = nn.LSTM(3, 8{})\n"


def test_the_layer_is_told(patient):
    assert patient(NET.format(""), mixing="nn.LSTM(").changes(batch_first, batch_first=True) == [
        "-rnn = nn.LSTM(3, 8)",
        "+rnn = nn.LSTM(3, 8, batch_first=True)",
    ]
    told = patient(NET.format(", num_layers=2, batch_first=False"), mixing="nn.LSTM(")
    assert "nn.LSTM(3, 8, num_layers=2, batch_first=True)" in told.edited(batch_first, batch_first=True)
    told = patient(NET.format(", batch_first=True"), mixing="nn.LSTM(")
    assert "nn.LSTM(3, 8, batch_first=False)" in told.edited(batch_first, batch_first=False)


def test_a_layer_that_was_not_seen_to_be_made(patient):
    assert "did not show where" in patient(NET.format("")).refusal(batch_first, batch_first=True)
