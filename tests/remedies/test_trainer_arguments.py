"""Numbers of a framework's trainer are changed in the script's call: `TrainingArguments(...)`, `Trainer(...)`."""

from pathlib import Path

import pytest

from descend.doctor.record import Record, Site
from descend.doctor.remedies import NotApplicable, apply_remedy
from descend.doctor.remedies.batch_size import batch_size
from descend.doctor.remedies.clip_gradients import clip_gradients
from descend.doctor.remedies.clip_threshold import clip_threshold
from descend.doctor.remedies.learning_rate import learning_rate
from descend.doctor.remedies.linear_schedule import linear_schedule
from descend.doctor.remedies.optimizer_argument import optimizer_argument
from descend.doctor.script.script import Script

HEAD = "from transformers import Trainer, TrainingArguments\n"
LIBRARY = "/env/lib/python3.11/site-packages/transformers/trainer.py"


def edited(tmp_path: Path, text: str, remedy, library: str = LIBRARY, kinds=(), **arguments) -> str:
    path = tmp_path / "train.py"
    path.write_text(HEAD + text)
    record = Record()
    for kind in ("optimizer", "step", *kinds):
        record.sites.append(Site(kind, "0", library, 1200, detail="AdamW"))
    after = apply_remedy(remedy, Script(path, tmp_path), record, {"optimizer": "0", **arguments})
    return after.edits[path].removeprefix(HEAD)


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
def test_the_learning_rate_is_changed(tmp_path, before, after):
    assert edited(tmp_path, before, learning_rate, lr=1e-3) == after


def test_the_weight_decay_is_changed(tmp_path):
    arguments = {"argument": "weight_decay", "value": 0.01, "default": 0.0}
    after = edited(tmp_path, "a = TrainingArguments('out', weight_decay=2)\n", optimizer_argument, **arguments)
    assert after == "a = TrainingArguments('out', weight_decay=0.01)\n"


WARM_UP, DECAY = {"start": 0.01, "end": 1.0, "steps": 30}, {"start": 1.0, "end": 0.0, "steps": 30}


@pytest.mark.parametrize(
    ("remedy", "kinds", "arguments", "added"),
    [
        (linear_schedule, (), WARM_UP, "warmup_steps=30"),
        (clip_gradients, (), {"max_norm": 0.5}, "max_grad_norm=0.5"),
        (clip_threshold, ("clip",), {"max_norm": 7.0}, "max_grad_norm=7.0"),
        (batch_size, ("loader",), {"batch_size": 8}, "per_device_train_batch_size=8"),
    ],
)
def test_other_numbers_are_changed(tmp_path, remedy, kinds, arguments, added):
    after = edited(tmp_path, "a = TrainingArguments('out')\n", remedy, kinds=kinds, **arguments)
    assert after == f"a = TrainingArguments('out', {added})\n"


def test_a_trainer_decays_its_learning_rate_by_itself(tmp_path):
    with pytest.raises(NotApplicable):
        edited(tmp_path, "a = TrainingArguments('out')\n", linear_schedule, **DECAY)


@pytest.mark.parametrize("package", ["lightning", "pytorch_lightning"])
def test_lightning_clips_in_its_trainer(tmp_path, package):
    library = LIBRARY.replace("transformers", package)
    for remedy, kinds in ((clip_gradients, ()), (clip_threshold, ("clip",))):
        after = edited(tmp_path, "t = L.Trainer(max_epochs=2)\n", remedy, library, kinds, max_norm=0.5)
        assert after == "t = L.Trainer(max_epochs=2, gradient_clip_val=0.5)\n"


@pytest.mark.parametrize(
    ("text", "library", "argument"),
    [
        ("a = parser.parse()\n", LIBRARY, "lr"),
        ("a = TrainingArguments('a')\nb = TrainingArguments('b')\n", LIBRARY, "lr"),
        ("a = TrainingArguments('a')\n", LIBRARY.replace("transformers", "fastai"), "lr"),
        ("a = TrainingArguments('a')\n", LIBRARY, "momentum"),
    ],
)
def test_settings_that_are_not_the_trainers_are_not_edited(tmp_path, text, library, argument):
    arguments = {"argument": argument, "value": 0.5}
    with pytest.raises(NotApplicable, match="library"):
        edited(tmp_path, text, optimizer_argument, library, **arguments)
