"""Lines that overwrite an optimizer's settings, or the rates of dropout layers, after construction."""

import pytest

from descend.doctor.record import facts
from descend.doctor.script.script import Script

SCRIPT = """\
import copy
import json
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 1))
rate = 0.01
optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.5, weight_decay=0.1)
{before}
for step in range(8):
    {first}
    loss = ((net(x) - y) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    {clip}
    optimizer.step()
    {last}
"""
NOTHING = dict.fromkeys(("before", "first", "clip", "last"), "pass")
SAVED = (
    "torch.save(optimizer.state_dict(), 'o.pt'); optimizer.load_state_dict(torch.load('o.pt')); "
    "assert [type(v) for v in torch.load('o.pt')['param_groups'][0].values() if isinstance(v, float)][0] is float; "
    "assert type(copy.deepcopy(optimizer.param_groups[0]['lr'])) is float; json.dumps(optimizer.param_groups[0]['lr'])"
)


def seen(observe, tmp_path, role="trial_run", **lines):
    (tmp_path / "train.py").write_text(SCRIPT.format(**{**NOTHING, **lines}))
    record = observe(Script(tmp_path / "train.py", tmp_path), role, steps=8)
    assert record.ending.reason in ("finished", "window") and record.ending.status == 0, record.ending.error
    assert not [note for note in record.notes if note.probe == "observer"]
    return record, {site.key: site.line for site in record.every_site("overwritten")}


def test_overwritten_settings_are_reported_with_their_lines(observe, tmp_path) -> None:
    """Also if the new number equals the old one, as for the learning rate 0.01 here."""
    record, lines = seen(
        observe,
        tmp_path,
        first="optimizer.param_groups[0]['lr'] = rate; optimizer.param_groups[0].update(weight_decay=0.3)",
        last="net[1].p = 0.2",
        clip="nn.utils.clip_grad_norm_(net.parameters(), 1.0 if step < 4 else 0.5)",
    )
    assert lines == {"0.lr": 13, "0.weight_decay": 13, "dropout.p": 19}
    site = record.site("overwritten", "0.lr")
    assert (site.column, site.end_column, site.detail) == (4, len("    optimizer.param_groups[0]['lr']"), "lr")
    assert record.fact(facts.ActingSetting, "0.weight_decay").value == 0.3
    assert record.fact(facts.ActingSetting, "0.momentum") is None
    assert record.fact(facts.Dropout, "1").p == 0.2 and len(record.history(facts.Dropout, "1")) == 2
    assert record.series("clip_limit").values == (1.0, 0.5) and record.series("clip_limit").steps == (0, 4)


UNTOUCHED = {
    "nothing": {},
    "a schedule of torch's": {
        "before": "schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)",
        "last": "schedule.step()",
    },
    "settings that are only read": {"first": "print(dict(optimizer.param_groups[0]))"},
}


@pytest.mark.slow
@pytest.mark.parametrize("case", UNTOUCHED)
def test_settings_that_are_not_overwritten_are_not_reported(observe, tmp_path, case) -> None:
    assert seen(observe, tmp_path, **UNTOUCHED[case])[1] == {}


def test_saved_copied_and_loaded_settings_are_plain_floats(observe, tmp_path) -> None:
    """Loading overwrites all settings, in the line of the load."""
    _, lines = seen(observe, tmp_path, before=SAVED)
    assert lines == {"0.lr": 11, "0.momentum": 11, "0.weight_decay": 11} | dict.fromkeys(lines, 11)


@pytest.mark.slow
def test_the_settings_of_a_watched_run_are_not_marked(observe, tmp_path) -> None:
    line = "assert type(optimizer.param_groups[0]['lr']) is float; optimizer.param_groups[0]['lr'] = rate"
    assert seen(observe, tmp_path, "watch", before=line)[1] == {}
