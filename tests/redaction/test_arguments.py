"""Command lines as they are stored: only values that are certainly not secrets are shown."""

import shlex

import pytest

from descend.doctor.redaction.arguments import Masker, masked_command
from descend.doctor.redaction.commands import shown_command

SOURCE = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("-lr2")
parser.add_argument("--model", choices=["resnet18", "vgg"])
parser.add_argument("--weightDecay2")
API_KEY = "zz-top-91"
args = parser.parse_args()
print(args.optimizer)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train.py").write_text(SOURCE)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.csv").write_text("1\n")
    return tmp_path


def shown_arguments(folder, arguments):
    return shown_command(["train.py"], folder / "train.py", folder, tuple(arguments)).removeprefix("train.py").strip()


@pytest.mark.parametrize(
    "arguments",
    [
        "--lr 0.5 --epochs=3 --betas 0.9 0.999 --eps 1e-8 --offset -3",
        "--model vgg --amp true --resume None",
        "data/train.csv --data data/train.csv --root=. -- data",
        "--layers 64,128,256 -lr2 --weightDecay2 1e-4 -vvv",
        "model=resnet18 +optimizer.lr=0.1",
        "--max_tokens=512 --max-tokens 512 --key-dim 64 --num-keys 8",
        "--no-cuda --model.lr 0.1",
        "-n 0 -b 256 -l 1e-3 -e -5 -w0.01 -n=4",
    ],
)
def test_values_that_are_not_secrets_are_shown(folder, arguments):
    assert shown_arguments(folder, shlex.split(arguments)) == arguments


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("--key X1", "--key ***"),
        ("--wandb-key X1", "--wandb-key ***"),
        ("-p X1", "-p ***"),
        ("-pX1", "-p***"),
        ("-p 123456", "-p ***"),
        ("-P 1234 -p1234 -p=1234", "-P *** -p*** -p=***"),
        ("-n 1234567", "-n ***"),
        ("-k 0xbeef", "-k ***"),
        ("--ssh-key=X1", "--ssh-key=***"),
        ("--pin 1234", "--pin ***"),
        ("--auth-header 'Bearer X1'", "--auth-header ***"),
        ("--token -X1", "--token ***"),
        ("--token --X1", "--token ***"),
        ("--hf-token --lr 1", "--hf-token --lr 1"),
        ("--password vgg", "--password ***"),  # `vgg` is also a word of the sources
        ("https://h/?api_key=X1", "***"),
        ("--url https://h/?sig=X1", "--url ***"),
        ("--notify=https://hooks.slack.com/services/T0/B0/X1", "--notify=***"),
        ("postgres://u:a/b@h", "***"),
        ('\'{"api_key": "X1", "lr": 0.1, "model": "vgg"}\'', '\'{"api_key": "***", "lr": 0.1, "model": "vgg"}\''),
        ("'[\"X1\", 3]'", "'[\"***\", 3]'"),
        ("wandb.api_key=X1 key=X1 +secret=X1 run=X1", "wandb.api_key=*** key=*** +secret=*** run=***"),
        ("--set trainer.name=X1", "--set trainer.name=***"),
        ("X1 hunter2", "*** ***"),
        ("zz-top-91 API_KEY", "*** API_KEY"),  # a secret in the sources does not count as a word
        ("--author me --out results/x1.pt", "--author *** --out ***"),
        ("1234567890123456", "***"),
        ("--Xq8Zk3=1", "--***=1"),
        ("0123456789abcdef0123456789abcdef01234567", "***"),
        ("ghp_" + "a1B2" * 9, "***"),
    ],
)
def test_all_other_values_are_hidden(folder, given, shown):
    assert shown_arguments(folder, shlex.split(given)) == shown


def test_commands_that_differ_only_in_a_secret_are_equal(folder):
    assert shown_arguments(folder, ["--lr", "0.1", "--token", "a1"]) == shown_arguments(
        folder, ["--lr", "0.1", "--token", "b2"]
    )
    assert shown_arguments(folder, ["--lr", "0.1"]) != shown_arguments(folder, ["--lr", "0.2"])


def test_without_sources_values_are_hidden_and_listed(tmp_path):
    masker = Masker(lambda word: False, tmp_path)
    assert masker.mask_arguments(["--name", "run", "--token", "abc"]) == ["--name", "***", "--token", "***"]
    assert masker.hidden == [("--name", "run"), ("--token", "abc")]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("curl -H 'Authorization: Bearer X1' https://h", "curl -H *** ***"),
        ("git commit -m hunter2", "git commit -m ***"),
        ("mysql -u root -pX1", "mysql -u *** -p***"),
        ("wandb login 0123abcd", "wandb login ***"),
        ("kill -9 1234", "kill -9 1234"),
        ("sh -c 'wandb login X1 && rm data/train.csv > /dev/null'",
         "sh -c 'wandb login *** && rm data/train.csv > /dev/null'"),
        ("sh -c \"echo 'X1\"", "sh -c '***'"),
    ],
)  # fmt: skip
def test_a_shown_command_contains_no_secrets(folder, command, shown):
    assert masked_command(shlex.split(command), folder) == shown
