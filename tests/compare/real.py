"""A tiny real script, and a study of it: logistic regression on 50 points."""

from collections.abc import Callable
from pathlib import Path

from descend.doctor.changes.settings import set_setting
from descend.doctor.compare.choice import Choice, Dimension
from descend.doctor.compare.search import Search
from descend.doctor.compare.stored_comparison import StoredComparison
from descend.doctor.execution.forking import ForkServer
from descend.doctor.prove.metric import choose_metric
from descend.doctor.record.store import Store
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.external_files import ExternalFiles
from descend.doctor.trials.run_context import RunContext
from descend.doctor.trials.study import TO_THE_END, Study

TEXT = """import torch

LR = 0.01
torch.manual_seed(0)
x = torch.randn(50, 3)
y = (x @ torch.tensor([1.0, -2.0, 0.5]) > 0).float()
model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=LR)
for step in range(30):
    loss = torch.nn.functional.binary_cross_entropy_with_logits(model(x).squeeze(1), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 3 == 2:
        print(f"test loss {loss.item():.5f}")
"""


def study_of(folder: Path, store: Store, server: ForkServer | None, text: str = TEXT) -> Study:
    """Observe a script and return its study. It runs to its end."""
    path = folder / "train.py"
    path.write_text(text)
    script = Script(path, folder)
    plan = Plan(jobs=2, quick=True).with_fixed_steps(TO_THE_END)
    context = RunContext(store, lambda record, messages: None, ExternalFiles(), server)
    return Study(script, context.observe(script, plan), plan, context)


def set_rate(script: Script, values: dict[str, float]) -> Script:
    return set_setting(script, "LR", repr(values["lr"]))


def own_rate(edit: Callable[..., Script] = set_rate) -> Choice:
    dimension = Dimension("lr", 1e-4, 10.0, is_open=True)
    return Choice("SGD", edit, (dimension,), ({"lr": 0.01},), "SGD", keeps_optimizer=True)


def search_of(study: Study, storage: StoredComparison, *choices: Choice, runs: int = 4) -> Search:
    return Search(study, choose_metric(study.baseline), choices or (own_rate(),), runs * 30, storage)
