"""Programs that once were called healthy and are not: whole consultations, and runs that are observed once."""

import json

import pytest

from descend.doctor.case import Case
from descend.doctor.observe import observe
from descend.doctor.record.store import open_store
from descend.doctor.report.verdict import is_clean
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

pytestmark = pytest.mark.slow
CHARACTERS = """
import torch
from torch import nn

torch.manual_seed(0)
words = "the cat dog hill tree sees likes finds big small red old and but near under every never".split()
draw = torch.Generator().manual_seed(3)
text = " ".join(words[i] for i in torch.randint(len(words), (2000,), generator=draw).tolist())
alphabet = sorted(set(text))
codes = torch.tensor([alphabet.index(letter) for letter in text])
LENGTH = 12


class Model(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.embed = nn.Embedding(len(alphabet), width)
        self.place = nn.Embedding(LENGTH, width)
        self.block = nn.TransformerEncoderLayer(width, 2, 2 * width, dropout=0.0, batch_first=True)
        self.head = nn.Linear(width, len(alphabet))

    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        return self.head(self.block(self.embed(x) + self.place.weight, src_mask=mask, is_causal=True))


model = Model()
optimizer = torch.optim.AdamW(model.parameters(), lr={rate})
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / {warmup}))
for step in range(150):
    starts = torch.randint(len(codes) - LENGTH - 1, (16,))
    batch = torch.stack([codes[s : s + LENGTH + 1] for s in starts])
    loss = nn.functional.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
"""
EPOCHS = """
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
images, labels = load_digits(return_X_y=True)
images, labels = torch.tensor(images).float() / 16, torch.tensor(labels)
model = nn.Sequential(nn.Linear(64, 32), nn.Sigmoid(), nn.Linear(32, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for epoch in range({epochs}):
    for part in torch.randperm(len(images)).split(32):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[part]), labels[part]).backward()
        optimizer.step()
"""
WARMED_UP = """
import json

import torch
from sklearn.datasets import load_digits
from torch import nn

with open("settings.json") as file:
    settings = json.load(file)
torch.manual_seed(1)
images, labels = load_digits(return_X_y=True)
images, labels = torch.tensor(images).float() / 16, torch.tensor(labels)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=settings["base_lr"])
step = 0
for epoch in range(6):
    for part in torch.randperm(len(images)).split(64):
        for group in optimizer.param_groups:
            group["lr"] = settings["base_lr"] * min(1.0, (step + 1) / settings["warmup_steps"])
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[part]), labels[part]).backward()
        optimizer.step()
        step += 1
"""
SETTINGS = '{"base_lr": 1.0, "warmup_steps": 20}\n'
NO_BATCH = """
import torch
from torch.utils.data import DataLoader, TensorDataset

loader = DataLoader(TensorDataset(torch.randn(20, 4), torch.randn(20, 1)), batch_size=32, drop_last=True)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(3):
    for inputs, targets in loader:
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(inputs), targets).backward()
        optimizer.step()
"""


@pytest.fixture
def observed(tmp_path, shared_fork_server):
    """Return a function that observes a program once, and returns its case without findings and trials."""

    def run(text: str) -> Case:
        (tmp_path / "train.py").write_text(text)
        script, server = Script(tmp_path / "train.py", tmp_path), shared_fork_server.get()
        with open_store(tmp_path / "store") as store:
            return Case(observe(script, Plan(), store, lambda *_: None, server), ())

    return run


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (CHARACTERS.format(rate=1e-2, warmup=2000), "learning_rate_still_rises"),
        (CHARACTERS.format(rate=0.1, warmup=1), "steps_too_long"),
        (EPOCHS.format(epochs=2), "loss_still_falls"),
    ],
)
def test_of_a_run_that_its_end_leaves_open_it_is_not_said_that_no_problem_was_found(text, reason, observed):
    case = observed(text)
    assert case.status == "undecided" and reason in case.undecided_because and not is_clean(case)


def test_the_same_training_brought_to_its_end_is_not_left_open(observed):
    assert observed(EPOCHS.format(epochs=16)).reservations == ()


def test_a_training_loop_that_draws_no_batch_is_a_finding_with_its_line(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(NO_BATCH)
    done = descend_here("doctor", "--seeds", "2", "--format", "json", "train.py", cwd=tmp_path)
    case = json.loads(done.stdout)
    assert done.returncode == 1 and case["status"] == "findings"
    (finding,) = case["findings"]
    line = NO_BATCH.splitlines().index(next(row for row in NO_BATCH.splitlines() if row.startswith("loader"))) + 1
    assert finding["symptom"] == "no_batch" and finding["where"]["line"] == line
    assert "drop_last=True drops the only batch, of 20 examples" in finding["sentence"]


def test_a_run_that_ends_in_its_warm_up_is_no_all_clear_after_its_trials(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(CHARACTERS.format(rate=1e-2, warmup=2000))
    case = json.loads(
        descend_here("doctor", "--seeds", "2", "--trials", "2", "--format", "json", "train.py", cwd=tmp_path).stdout
    )
    assert case["status"] in ("undecided", "findings") and "no problem found" not in case["verdict"]


@pytest.mark.thorough
def test_a_rate_too_large_after_a_warm_up_is_corrected_in_the_file_of_settings(descend_here, tmp_path):
    """The warm-up's first steps are short, and the file gives the rate to both the optimizer and the loop."""
    (tmp_path / "train.py").write_text(WARMED_UP)
    (tmp_path / "settings.json").write_text(SETTINGS)
    case = json.loads(descend_here("doctor", "--seeds", "2", "--format", "json", "train.py", cwd=tmp_path).stdout)
    assert [finding["symptom"] for finding in case["findings"]] == ["instability"]
    changed = [line for line in case["patch"].splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert "--- settings.json" in case["patch"] and "train.py" not in case["patch"]
    assert len(changed) == 2 and changed[0] == "-" + SETTINGS.strip() and '"warmup_steps": 20' in changed[1]
