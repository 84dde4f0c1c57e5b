"""Metrics that a script prints: which are read, and that printing is unchanged."""

import sys

import pytest

from descend.doctor.instrumentation.printed_metrics import MOST_READINGS, PrintedMetrics, reading_prints
from descend.doctor.instrumentation.steps.metric_parsing import parse_metrics
from descend.doctor.record import Reading

LINES = {
    "epoch 3 loss 0.52 acc 0.87": {"loss": 0.52, "acc": 0.87},
    "epoch  1: train loss 0.5  val acc 0.9": {"train loss": 0.5, "val acc": 0.9},
    "train loss 0.5 acc 0.8 | test loss 0.6 acc 0.7": {
        "train loss": 0.5,
        "train acc": 0.8,
        "test loss": 0.6,
        "test acc": 0.7,
    },
    "episode 100  mean return (last 50): -12.3": {"mean return": -12.3},
    "Test set: Average loss: 0.1, Accuracy: 95/100 (95%)": {"test average loss": 0.1, "test accuracy": 0.95},
    "1-NN accuracy on embeddings: 0.91": {"1-nn accuracy on embeddings": 0.91},
    " 12%|███ | 12/100 [00:01<00:10, 9.9it/s, loss=0.5, acc=91.2%]": {"loss": 0.5, "acc": 91.2},
    "hits@10 0.4 top-5 accuracy 0.9": {"hits@10": 0.4, "top-5 accuracy": 0.9},
    "recall at 5 0.98, precision at 10: 0.4": {"recall at 5": 0.98, "precision at 10": 0.4},
    "accuracy stays at 93": {"accuracy stays at": 93.0},
    "step 5: nll -3.2e-1": {"nll": -0.32},
    "negative log-likelihood 4 R² 0.3": {"negative log-likelihood": 4.0, "r²": 0.3},
    "\x1b[32maccuracy\x1b[0m 0.5": {"accuracy": 0.5},
    "Epoch [1/5], Loss: 0.3": {"loss": 0.3},
    "test c-index 0.61 (exact match 0.2)": {"test c-index": 0.61, "test exact match": 0.2},
    " 12 | train 0.41 | val 0.52": {"val": 0.52},
    "[12/100] D 0.6 G 0.7": {},
    "std 0.4 corr 0.31": {},  # may be properties of the data
    "test corr 0.31": {"test corr": 0.31},
    "deviance explained: 0.7, HR@10 0.3, test bits per character: 1.4": {
        "deviance explained": 0.7,
        "hr@10": 0.3,
        "test bits per character": 1.4,
    },
    "test log-prob -1.5 mIoU 0.6": {"test log-prob": -1.5, "test miou": 0.6},
    "test neg elbo 25.6": {"test neg elbo": 25.6},
    "parameters: 1200, seed 3, version 2.13.0": {},
    "loss after v1.2.3": {},
    "accuracy 3/0": {"accuracy": "nan"},
}


@pytest.mark.parametrize("line", LINES)
def test_metrics_of_a_printed_line(line):
    found = {n.name: "nan" if n.value != n.value else n.value for n in parse_metrics(line)}
    assert found == LINES[line]


def test_direction_and_data_of_printed_metrics():
    told = {
        n.name: (n.rises, n.is_share, n.is_loss, n.is_held_out)
        for n in parse_metrics("val loss 1 error 2 | train f1 3 reward 4")
    }
    assert [(n.rises, n.is_share, n.is_held_out) for n in parse_metrics("val 0.3")] == [(None, False, True)]
    assert [n.rises for n in parse_metrics("explained deviance 0.3 deviance 2 mse skill 0.4")] == [True, False, True]
    assert told == {
        "val loss": (False, False, True, True),
        "val error": (False, False, False, True),
        "train f1": (True, True, False, False),
        "train reward": (True, False, False, False),
    }


def metrics_in(*printed: str) -> list[tuple[str, float]]:
    messages = []
    known = PrintedMetrics(messages.extend, lambda: 7)
    with reading_prints(known):
        for text in printed:
            sys.stdout.write(text)
    known.finish()
    return [(m.place, m.value) for m in messages if isinstance(m, Reading)]


def test_lines_in_pieces_and_progress_bars_are_read():
    assert metrics_in("acc", "uracy ", "0.5", "\n", "loss 1\rloss 2\r") == [
        ("accuracy", 0.5),
        ("loss", 1.0),
        ("loss", 2.0),
    ]


def test_printed_text_reaches_the_stream_unchanged(capsys):
    with reading_prints(PrintedMetrics(lambda messages: None, lambda: 0)):
        print("accuracy", 0.5)
        print("loss 0.1", file=sys.stderr)
        with pytest.raises(TypeError):
            sys.stdout.write(3)
    assert capsys.readouterr() == ("accuracy 0.5\n", "loss 0.1\n")
    assert "write" not in vars(sys.stdout)


def test_the_last_value_of_endless_prints_is_kept():
    found = metrics_in(*(f"loss {i}\n" for i in range(MOST_READINGS + 50)))
    assert len(found) == MOST_READINGS + 1 and found[-1] == ("loss", MOST_READINGS + 49)


def test_the_number_of_metric_names_is_limited():
    assert len(metrics_in(*(f"accuracy of class {'a' * i} 0.5\n" for i in range(80)))) == 50
