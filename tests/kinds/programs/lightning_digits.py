"""Digits in Lightning, with its own accumulation and clipping; sick: a learning rate far too large."""

import logging
import tempfile
import warnings

import lightning
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class DigitClassifier(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))

    def training_step(self, batch, index):
        images, labels = batch
        return F.cross_entropy(self.net(images), labels)

    def on_train_batch_end(self, outputs, batch, index):
        print(index, outputs["loss"].item())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.3)  # sick: lr=0.3 | lr=30.0


lightning.seed_everything(0, verbose=False)
digits = torch.load("digits.pt")
data = TensorDataset(digits["images"] / 16 - 0.3, digits["labels"])
with tempfile.TemporaryDirectory() as folder:
    trainer = lightning.Trainer(
        max_epochs=4,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accumulate_grad_batches=2,
        gradient_clip_val=100.0,
        default_root_dir=folder,
    )
    trainer.fit(DigitClassifier(), DataLoader(data, batch_size=32, shuffle=True))
