"""The numbers of a Transformers Trainer's optimizer stand in `TrainingArguments(...)`."""

from pathlib import Path

import pytest

from descend.record import Record, Site
from descend.remedies import NotApplicable
from descend.remedies.learning_rate import learning_rate
from descend.remedies.optimizer_argument import optimizer_argument
from descend.script import Script

HEAD = "from transformers import Trainer, TrainingArguments\n"
LIBRARY = "/env/lib/python3.11/site-packages/transformers/trainer.py"


def edited(tmp_path: Path, text: str, remedy, library: str = LIBRARY, **dose) -> str | NotApplicable:
    path = tmp_path / "train.py"
    path.write_text(HEAD + text)
    record = Record()
    record.sites.append(Site("optimizer", "0", library, 1200, detail="AdamW"))
    after = remedy(Script(path, tmp_path), record, {"optimizer": "0", **dose})
    return after if isinstance(after, NotApplicable) else after.edits[path].removeprefix(HEAD)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a = TrainingArguments('out', learning_rate=5.0)\n", "a = TrainingArguments('out', learning_rate=0.001)\n"),
        ("a = TrainingArguments('out')\n", "a = TrainingArguments('out', learning_rate=0.001)\n"),
        (
            "LR = 5.0\na = TrainingArguments('out', learning_rate=LR)\n",
            "LR = 0.001\na = TrainingArguments('out', learning_rate=LR)\n",
        ),
        (
            "k = dict(learning_rate=5)\na = TrainingArguments(**k)\n",
            "k = dict(learning_rate=0.001)\na = TrainingArguments(**k)\n",
        ),
    ],
)
def test_the_rate(tmp_path, before, after):
    assert edited(tmp_path, before, learning_rate, lr=1e-3) == after


def test_the_weight_decay(tmp_path):
    dose = {"argument": "weight_decay", "value": 0.01, "default": 0.0}
    after = edited(tmp_path, "a = TrainingArguments('out', weight_decay=2)\n", optimizer_argument, **dose)
    assert after == "a = TrainingArguments('out', weight_decay=0.01)\n"


@pytest.mark.parametrize(
    ("text", "library", "argument"),
    [
        ("a = parser.parse()\n", LIBRARY, "lr"),
        ("a = TrainingArguments('a')\nb = TrainingArguments('b')\n", LIBRARY, "lr"),
        ("a = TrainingArguments('a')\n", LIBRARY.replace("transformers", "fastai"), "lr"),
        ("a = TrainingArguments('a')\n", LIBRARY, "momentum"),
    ],
)
def test_where_it_is_not_theirs_nothing_is_edited(tmp_path, text, library, argument):
    dose = {"argument": argument, "value": 0.5}
    after = edited(tmp_path, text, optimizer_argument, library, **dose)
    assert isinstance(after, NotApplicable) and "library" in after.reason
