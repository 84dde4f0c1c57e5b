"""Callbacks of `descend.watch` for the Trainers of frameworks record a training without changing its losses."""

import importlib.util
import os
import subprocess
import sys

import pytest

from descend.doctor.record.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.frameworks]
LIGHTNING = """
import logging, warnings, sys
import lightning, torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
import descend
warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
losses = []
class Classifier(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 3))
    def training_step(self, batch, index):
        loss = F.cross_entropy(self.net(batch[0]), batch[1])
        losses.append(loss.item())
        if len(losses) == {fails}:
            raise ValueError("mine")
        return loss
    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-2)
lightning.seed_everything(1, verbose=False)
x, y = torch.randn(160, 6), torch.randint(0, 3, (160,))
trainer = lightning.Trainer(max_epochs=3, logger=False, enable_checkpointing=False, enable_progress_bar=False,
                            enable_model_summary=False, accelerator="cpu", callbacks=[{callback}])
trainer.fit(Classifier(), DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True))
print("losses", losses)
"""
TRANSFORMERS = """
import torch
from torch import nn
from transformers import Trainer, TrainingArguments, TrainerCallback
import descend
losses = []
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 3))
    def forward(self, x, labels):
        loss = nn.functional.cross_entropy(self.net(x), labels)
        losses.append(loss.item())
        if len(losses) == {fails}:
            raise ValueError("mine")
        return {{"loss": loss}}
torch.manual_seed(1)
data = [{{"x": torch.randn(6), "labels": torch.tensor(i % 3)}} for i in range(160)]
arguments = TrainingArguments("out", num_train_epochs=3, per_device_train_batch_size=16, use_cpu=True, report_to=[],
                              save_strategy="no", disable_tqdm=True, logging_strategy="no")
Trainer(Net(), arguments, train_dataset=data, callbacks=[{callback}]).train()
print("losses", losses)
"""


def train(folder, program: str, callback: str, fails: int = 0) -> subprocess.CompletedProcess[str]:
    path = folder / "train.py"
    path.write_text(program.format(callback=callback, fails=fails))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, path.name]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)


@pytest.mark.parametrize(
    ("package", "program", "callback"),
    [
        ("lightning", LIGHTNING, "descend.LightningCallback()"),
        pytest.param("transformers", TRANSFORMERS, "descend.TransformersCallback()", marks=pytest.mark.thorough),
    ],
)
def test_a_callback_records_the_training_without_changing_it(tmp_path, package, program, callback):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    plain, seen = train(tmp_path, program, ""), train(tmp_path, program, callback)
    assert plain.returncode == seen.returncode == 0, seen.stderr
    assert plain.stdout.partition("losses")[2] == seen.stdout.partition("losses")[2]
    losses = eval(seen.stdout.partition("losses")[2])
    with open_store(tmp_path / ".descend") as store:
        record = store.load(1)
    assert record.ending.reason == "finished" and record.steps == len(losses) == 30
    assert list(record.series("loss", "0").values) == pytest.approx(losses, rel=1e-6)


@pytest.mark.parametrize(
    ("package", "program", "callback"),
    [
        ("lightning", LIGHTNING, "descend.LightningCallback()"),
        ("transformers", TRANSFORMERS, "descend.TransformersCallback()"),
    ],
)
def test_a_training_that_fails_is_recorded_as_failed(tmp_path, package, program, callback):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    done = train(tmp_path, program, callback, fails=12)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith("descend: run 1") or "mine" in done.stderr
    with open_store(tmp_path / ".descend") as store:
        record = store.load(1)
    assert record.ending.reason == "failed" and "mine" in record.ending.error and record.steps == 11
