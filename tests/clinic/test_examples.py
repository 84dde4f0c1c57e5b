"""Consultations on the example scripts: faulty ones get the right finding and a proved patch, working ones none."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sampling import sampled

from descend.doctor.execution.launch import new_record, run
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

EXAMPLES = Path(__file__).parents[2] / "examples"
SICK = {
    "digits_mlp": ("inputs_not_normalised", "standardise_data"),
    "cancer_trainer": ("instability", "learning_rate"),
    "digits_classifier": ("output_loss_mismatch", "feed_logits"),
    "diabetes_regression": ("dead_units", "reinitialise"),
    "digits_by_hand": ("no_zero_grad", "zero_grad"),
    "digits_tanh": ("symmetric_units", "reinitialise"),
}
HEALTHY = ("digits_deep", "digits_cnn", "digits_lstm", "topics_transformer")

ELSEWHERE = frozenset(  # kinds have theirs
    "digits_mlp cancer_trainer digits_classifier digits_by_hand digits_cnn digits_lstm topics_transformer".split()
)

pytestmark = pytest.mark.slow


@pytest.fixture
def wanted(request, name):
    """Skip what `make test` asks of other scripts."""
    if name in ELSEWHERE and request.config.getoption("--seeds") == 1:
        pytest.skip("the like of it is tested elsewhere; make clinic does it here, too")


@pytest.mark.parametrize("name", sampled(SICK, *ELSEWHERE))
def test_a_faulty_example_gets_its_finding_first_and_a_proved_patch(name, wanted, clinic_seed, descend_here, tmp_path):
    finding, remedy = SICK[name]
    patient = shutil.copy(EXAMPLES / f"{name}.py", tmp_path)
    original = Path(patient).read_bytes()
    options = ("--format", "json", "--seed", str(clinic_seed), "--seeds", "2")
    done = descend_here("doctor", *options, patient, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    case = json.loads(done.stdout)
    assert [f["symptom"] for f in case["findings"]] == [finding]
    assert case["findings"][0]["where"]["file"].endswith(f"{name}.py") and case["findings"][0]["where"]["line"] > 1
    [proved] = [t for t in case["trials"] if t["patch"] == "fix"]
    assert proved["remedies"] == [remedy] and proved["verdict"] == "proved"
    assert proved["after"] < 0.5 * proved["before"] and len(proved["seeds"]) in (2, 4)
    assert _verified(descend_here, tmp_path)
    assert Path(patient).read_bytes() == original
    subprocess.run(["patch", "-p0"], input=case["patch"], text=True, cwd=tmp_path, check=True, capture_output=True)
    plain = subprocess.run([sys.executable, patient], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert plain.stdout


def _verified(descend_here, folder: Path) -> bool:
    page = Path(folder, descend_here("report", cwd=folder).stdout.strip())
    return "its trial&#39;s weights, bit for bit" in page.read_text()


@pytest.mark.parametrize("name", HEALTHY)
def test_a_working_example_has_no_finding(name, wanted, clinic_seed, descend_here, tmp_path):
    store = str(tmp_path / "store")
    done = descend_here(
        "doctor", "--format", "json", "--seed", str(clinic_seed), "--store", store, str(EXAMPLES / f"{name}.py")
    )
    case = json.loads(done.stdout)
    assert (done.returncode, case["status"], case["findings"], case["patch"]) == (0, "healthy", [], None)


@pytest.mark.thorough
def test_observation_changes_no_bit_of_the_losses(monkeypatch, tmp_path):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    script = Script(tmp_path / "digits_lstm.py", tmp_path)
    text = (EXAMPLES / script.path.name).read_text()
    script.path.write_text(text.replace("n_epochs = 12", "n_epochs = 3"))
    records = {}
    for role in ("watch", "baseline", "bare"):
        plan = Plan(role=role, steps=60)
        records[role] = new_record(script, plan)
        run(script, plan, records[role])
    watched, examined = (records[role].series("loss", "0").values for role in ("watch", "baseline"))
    assert len(examined) == 60 < len(watched) and watched[:60] == examined
    assert records["baseline"].ending.weights == records["bare"].ending.weights != ""
