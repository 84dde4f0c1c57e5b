"""Scripts as people write them, and the sites that a run would record in them."""

import ast
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from descend.doctor.record import Record, Site
from descend.doctor.remedies import NotApplicable, Remedy, apply_remedy
from descend.doctor.script.script import Script

sys.path.insert(0, str(Path(__file__).parent))

CALLS = {  # calls that a run would record in each of the scripts in styles/
    "plain": {
        "optimizer": "torch.optim.SGD(",
        "model_call": "model(xb)",
        "step": "optimizer.step(",
        "Softmax": "nn.Softmax(",
    },
    "main": {
        "optimizer": "optim.SGD(",
        "model_call": "model(data)",
        "step": "optimizer.step(",
        "softmax": "F.softmax(",
    },
    "trainer": {
        "optimizer": "torch.optim.SGD(",
        "model_call": "self.net(",
        "step": "self.opt.step(",
        "sigmoid": "torch.sigmoid(",
    },
    "slices": {"optimizer": "SGD(", "model_call": "model(xb)", "step": "opt.step(", "sigmoid": "z.sigmoid("},
    "one_line": {"optimizer": "torch.optim.SGD(", "model_call": "model(X)", "step": "optimizer.step("},
    "dict": {"optimizer": "torch.optim.RMSprop(", "model_call": "modèle(entrée)", "step": "optimiseur.step("},
    "tabs": {"optimizer": "optim.SGD(", "model_call": "model(x)", "step": "optimizer.step("},
    "closure": {"optimizer": "torch.optim.LBFGS(", "model_call": "model(X)", "step": "optimizer.step("},
    "scaler": {"optimizer": "torch.optim.SGD(", "model_call": "net(x)", "step": "scaler.step("},
}
CALLS["crlf"] = CALLS["plain"]
QUICK = ("plain", "trainer")  # names of the styles of the inner loop


def read_style(style: str) -> str:
    """Return a script written in the given style."""
    name = "plain" if style == "crlf" else style
    text = Path(__file__).with_name("styles").joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return text.replace("\n", "\r\n") if style == "crlf" else text


KINDS = {  # kind of site -> its default key; `dropout__net.1` gives another key
    "optimizer": "0",
    "step": "0",
    "idle_loss": "0",
    "model_call": "",
    "model": "",
    "loader": "0",
    "loss": "",
    "loss_module": "",
    "reduction": "",
    "backward": "",
    "leak": "0",
    "scheduler": "0",
    "scheduler_step": "0",
    "clip": "0",
    "detach": "0",
    "difference": "0",
    "dropout": "",
    "hidden_activation": "0",
    "custom_function": "",
    "made_in_forward": "0",
    "mixing": "0",
    "order_dependence": "reshape",
    "evaluated_copy": "0",
    "exchanged": "0",
    "lone_entry": "0",
    "derivative": "0",
    "singular": "0",
    "drawn": "0",
    "evaluated": "0",
    "evaluation": "0",
    "summed_term": "0",
    "load_state_dict": "0",
    "running_statistics": "",
    "linear": "",
}


@dataclass(frozen=True)
class Patient:
    """A script on disk and the record of its run, in which only the sites matter."""

    script: Script
    record: Record

    @property
    def text(self) -> str:
        """The unchanged text of the script."""
        return self.script.read(self.script.path)

    def edited(self, remedy: Remedy, **arguments: object) -> str:
        """Return the script's new text; fail with the reason if the remedy does not apply."""
        script = apply_remedy(remedy, self.script, self.record, arguments)
        ast.parse(script.read(script.path))
        return script.read(script.path)

    def changes(self, remedy: Remedy, **arguments: object) -> list[str]:
        """Return the removed and added lines, without their line ends."""
        script = apply_remedy(remedy, self.script, self.record, arguments)
        ast.parse(script.read(script.path))
        lines = script.diff().splitlines()
        return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]

    def refusal(self, remedy: Remedy, **arguments: object) -> str:
        """Return why the remedy does not apply; fail if it does apply."""
        with pytest.raises(NotApplicable) as refused:
            apply_remedy(remedy, self.script, self.record, arguments)
        return refused.value.reason


def find_sites(text: str, file: Path, calls: dict[str, str], made: dict[str, str]) -> list[Site]:
    """Return a site for each call whose source begins as given; an unknown kind is the name of an activation.

    `made` names the class of what a call makes, where that is not the name of what it calls.
    """
    tree = ast.parse(text)
    targets = {id(node.value): ast.unparse(node.targets[0]) for node in ast.walk(tree) if isinstance(node, ast.Assign)}
    sites = []
    for name, beginning in calls.items():
        kind, _, key = name.partition("__")
        found = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.BinOp if kind == "difference" else ast.Call)
            and ast.get_source_segment(text, node).startswith(beginning)
        ]
        node = min(found, key=lambda n: (n.lineno, n.end_lineno, n.end_col_offset))
        callee = ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else "sub"
        is_known = kind in KINDS
        sites.append(
            Site(
                kind=kind if is_known else "activation",
                key=key or KINDS.get(kind, "output"),
                file=str(file),
                line=node.lineno,
                column=node.col_offset,
                end_line=node.end_lineno,
                end_column=node.end_col_offset,
                variable=targets.get(id(node), ""),
                detail=made.get(name, callee) if is_known else kind,
            )
        )
    return sites


@pytest.fixture
def patient(tmp_path: Path) -> Callable[..., Patient]:
    """Return a function that writes a script and marks the given calls in it."""

    def admit(text: str, *arguments: str, made: dict[str, str] | None = None, **calls: str) -> Patient:
        path = tmp_path / "train.py"
        path.write_bytes(text.encode())
        return Patient(Script(path, tmp_path, arguments), Record(sites=find_sites(text, path, calls, made or {})))

    return admit


@pytest.fixture
def pointed_at(tmp_path: Path) -> Callable[..., Patient]:
    """Return a function that writes a script and records a site at each expression with the given source."""

    def point(text: str, *pieces: str, function: str = "") -> Patient:
        path = tmp_path / "train.py"
        path.write_text(text)
        nodes = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.expr | ast.stmt)]
        found = [next(n for n in nodes if ast.get_source_segment(text, n) == piece) for piece in pieces]
        places = [(n.lineno, n.col_offset, n.end_lineno or 0, n.end_col_offset or 0) for n in found]
        sites = [Site("on_loss", str(i), str(path), *at, detail=function) for i, at in enumerate(places)]
        return Patient(Script(path, tmp_path), Record(sites=sites))

    return point


@pytest.fixture
def styled(style: str, patient: Callable[..., Patient]) -> Patient:
    """The script written in one of the styles."""
    return patient(read_style(style), **CALLS[style])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test with the parameter `styled` on every style of script, or on a few styles in the inner loop."""
    if "style" in metafunc.fixturenames and "style" not in str(metafunc.definition.own_markers):
        marks = {True: (), False: (pytest.mark.slow,)}
        metafunc.parametrize("style", [pytest.param(style, marks=marks[style in QUICK]) for style in CALLS])
