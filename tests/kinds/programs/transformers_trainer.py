"""A small GPT-2 learns to count with the Transformers Trainer; sick: a learning rate far too large."""

import tempfile

import torch
import transformers
from torch.utils.data import Dataset
from transformers import GPT2Config, GPT2LMHeadModel, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

transformers.logging.set_verbosity_error()
transformers.set_seed(0)


class Counting(Dataset):
    def __len__(self):
        return 128

    def __getitem__(self, i):
        tokens = (torch.arange(12) * (1 + i % 3) + i) % 24
        return {"input_ids": tokens, "labels": tokens}


class Printing(TrainerCallback):
    def on_log(self, args, state, control, logs=None, **kwargs):
        if "loss" in logs:
            print(state.global_step, logs["loss"], logs["grad_norm"])


model = GPT2LMHeadModel(GPT2Config(vocab_size=24, n_positions=16, n_embd=32, n_layer=1, n_head=2))
with tempfile.TemporaryDirectory() as folder:
    arguments = TrainingArguments(
        output_dir=folder,
        learning_rate=3e-3,  # sick: 3e-3 | 3.0
        per_device_train_batch_size=16,
        max_steps=60,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = Trainer(model, arguments, train_dataset=Counting(), callbacks=[Printing()])
    trainer.remove_callback(PrinterCallback)
    trainer.train()
