"""The redactor: what it masks, what it must not mask, and that masked text stays the same."""

import json
import random
import string

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from descend.doctor.record import Ending, Fact
from descend.doctor.redaction import HIDDEN, Redactor
from descend.doctor.redaction.looks import is_random

WORDS = st.sampled_from(
    "loss step layer encoder.layer.0.weight resnet50_v2_bn1 Conv2d BertForSequenceClassification key token query "
    "pad_token='<pad>' KeyError: 'lr' key=value max_tokens=512 0.125 1e-05 [64, 10] /home/me/train_v2.py:31 "
    "sha256:0f nan optimizer.step() cross_entropy tensor([0.1234, -2.5]) torch.nn.Linear {'lr': 0.1} weights".split(" ")
)
PIECES = st.sampled_from(
    ["token=", "--api-key ", "password: ", "'", '"', "\\", "\n", " ", "=", ":", "://", "@", "/", "?sig=", "&", HIDDEN,
     "ghp_" + "a1B2" * 9, "Bearer ", "zebra-cross-12", "postgres", "hunter2", "x", "9", "-----BEGIN PRIVATE KEY-----"]
)  # fmt: skip
REDACTOR = Redactor({"MY_TOKEN": "zebra-cross-12", "DB_PASSWORD": "postgres", "DATABASE_URL": "pg://u:hunt/er2x@h/d"})


@pytest.mark.slow
@given(st.lists(PIECES | WORDS | st.text(max_size=5), max_size=14).map("".join))
@example("²ghp_" + "a1B2" * 9 + "encoder.layer.0.weight")
@settings(max_examples=400, deadline=None)
def test_masked_text_stays_masked_with_as_many_lines(text):
    masked = REDACTOR.mask_secrets(text)
    assert REDACTOR.mask_secrets(masked) == masked
    assert masked.count("\n") == text.count("\n")
    assert "zebra-cross-12" not in masked and "ghp_a1B2" not in masked


@given(st.lists(WORDS | st.floats().map(str) | st.integers().map(str), max_size=14).map(" ".join))
@settings(max_examples=300, deadline=None)
def test_numbers_paths_and_words_of_sources_are_not_masked(text):
    assume("token resnet50_v2_bn1" not in text)  # After the word token, a name with digits may be a secret.
    assert REDACTOR.mask_secrets(text) == text


PLAIN = st.integers() | st.floats(allow_nan=False) | st.booleans() | WORDS
NAMES = st.sampled_from(["loss", "lr", "shape", "max_tokens"])


@given(st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)))
@settings(max_examples=200, deadline=None)
def test_plain_data_are_not_masked(value):
    assert REDACTOR.mask_secrets_in(value) == value


SECRET = "Zq7" + "xK3vB9mN2cT8wR5pL1dF6" + "hJ4"  # a random string


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2",
        "password: hunter2",
        "{'password': 'hunter2'}",
        '{\\"api_key\\": \\"hunter2\\"}',
        'API_KEY = "hunter2"  # mine',
        "loss = mse(x, y)  # pw=hunter2",
        "# DB_PW: hunter2, pass = hunter2",
        "db_pw = 'hunter2'",
        'TOKEN: str = "hunter2"',
        'password: Optional[str]="hunter2"',
        'api_key: dict[str, str] | None = "hunter2"',
        json.dumps('import os\nTOKEN: str = "hunter2"\nx = 1'),
        json.dumps("import os\npw='hunter2'\nx = 1  # pass=hunter2"),
        'secret = """a\nhunter2\nb"""',
        "login(token='hunter2')",
        "train.py --wandb-key hunter2",
        "parser.add_argument('--password', type=str, default='hunter2')",
        "os.environ.get('API_KEY', 'hunter2')",
        "config['password'] = 'hunter2'",
        "Command '['mysql', '-u', 'root', '-phunter2']' returned 1",
        "sshpass -p hunter2 ssh h",
        "curl -u me:hunter2 h",
        "Authorization: Basic aHVudGVyMg",
        "'Authorization': 'Bearer hunter2'",
        "postgres://u:hunt/er2@h/db",
        "https://hunter2@github.com/a/b",
        "GET https://h/x?a=1&sig=hunter2 failed",
        "https://hooks.slack.com/services/T0/hunter2",
        "https://h/hooks/hunter2",
        f"it was {SECRET}, no",
        f"https://h/v1/{SECRET}/send",
        "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2",
        "SG.aaaaaaaaaaaaaaaaaaaa11.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb1hunter2"[:69],
        "0123456789abcdef0123456789abcdef01234567",
        "unknown value zebra-cross-12",
        "zebra-cross-12suffix",
        "b'zebra-cross-12'",
        "emVicmEtY3Jvc3MtMTI=",
        "hunt%2Fer2x",
        "role postgres is not permitted",
    ],
)
def test_secrets_are_masked(text):
    masked = REDACTOR.mask_secrets(text)
    for secret in (
        "hunter2",
        SECRET,
        "hunt/er2",
        "zebra",
        "aHVudGVyMg",
        "emVicm",
        "hunt%2F",
        "0123456789abcdef",
        "role postgres",
    ):
        assert secret not in masked
    assert HIDDEN in masked


@pytest.mark.parametrize(
    "text",
    [
        "scores = attention(query=q, key=key_states, value=v)",
        "x = sorted(rows, key=lambda row: row[1])",
        "RuntimeError: Error(s) in loading state_dict: Missing key(s): \"layer1.0.weight\", \"fc.bias\".",
        "KeyError: 'encoder.layer.0.attention.self.query.weight'",
        "pw = pointwise(x); loss = BCEWithLogitsLoss(pos_weight=pw, pw=3.0)",
        "tokenizer.pad_token = '[PAD]'; bos_token_id=1; token: 'the'",
        "api_key=os.environ['API_KEY'], password=getpass()",
        "Basic training, and a Basic block; missing key: layer4block",
        "parser.add_argument('--token-dim', type=int, default=64)",
        "for key, value in table.items(): print('key', 'value')",
        "def login(password: str = None, token: Optional[str] = None):",
        "/root/.cache/huggingface/hub/models--b/snapshots/0123456789abcdef0123456789abcdef01234567/config.json",
        "expected sha256:" + "0123456789abcdef" * 4,
        "at commit 0123456789abcdef0123456789abcdef01234567",
        "http://127.0.0.1:8080/metrics?step=12",
        "https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
        "git+https://github.com/pytorch/vision@v0.15.0",
        "task 6f1d7e0a-3a44-4a52-9d70-1c2b3a4d5e6f",
        "postgresql.connect and postgres:// are names",
        "mat1 and mat2 shapes cannot be multiplied (64x784 and 512x10)",
    ],
)  # fmt: skip
def test_text_that_only_resembles_secrets_is_not_masked(text):
    assert REDACTOR.mask_secrets(text) == text


def test_values_are_masked_by_the_names_of_their_keys():
    given = {"password": "abc", "note": "zebra-cross-12", "tokens": 12, "nested": [{"api_key": "a b"}], "key": "weight"}
    assert REDACTOR.mask_secrets_in(given) == {
        "password": HIDDEN, "note": HIDDEN, "tokens": 12, "nested": [{"api_key": HIDDEN}], "key": "weight",
    }  # fmt: skip


def test_fingerprints_of_weights_are_not_masked():
    ending = Ending("finished", 0, weights="0123456789abcdef" * 4, error="password=hunter2")
    assert REDACTOR.mask_secrets_in(ending) == Ending("finished", 0, weights=ending.weights, error="password=***")
    fact = Fact("inputs", "", 0, {"shape": [2, 3], "from": "zebra-cross-12"})
    assert REDACTOR.mask_secrets_in(fact).detail == {"shape": [2, 3], "from": HIDDEN}


def test_a_learnt_secret_is_masked_in_every_form():
    redactor = Redactor({})
    secret = 'a"b\\c d/é-1'
    forms = [secret, json.dumps(secret), repr(secret), "a%22b%5Cc%20d%2F%C3%A9-1"]
    assert [redactor.mask_secrets(form) for form in forms] == forms
    redactor.remember_secrets([secret])
    assert [redactor.mask_secrets(form).strip("'\"") for form in forms] == [HIDDEN] * 4


def test_short_and_common_values_are_not_masked():
    redactor = Redactor(
        {"MY_TOKEN": "true", "A_KEY": "12", "TOKENIZERS_PARALLELISM": "parallel!", "SSH_AUTH_SOCK": "/tmp"}
    )
    text = "true 12 parallel! /tmp/x"
    assert redactor.mask_secrets(text) == text


def test_random_text_is_distinguished_from_names():
    chance = random.Random(0)
    for alphabet, length, share in ((string.ascii_letters + string.digits, 32, 0.93), ("0123456789abcdef", 40, 0.9)):
        drawn = ["".join(chance.choices(alphabet, k=length)) for _ in range(500)]
        assert sum(map(is_random, drawn)) >= share * 500
