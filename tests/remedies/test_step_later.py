import pytest

from descend.doctor.remedies.step_later import step_later

CASES = {
    "right before": (
        "for x in r:\n    opt.zero_grad()\n    opt.step()\n    f(x).backward()\n    log()\n",
        "for x in r:\n    opt.zero_grad()\n    f(x).backward()\n    opt.step()\n    log()\n",
    ),
    "what is clipped, is clipped before": (
        "opt.zero_grad()\nopt.step()  # go\nloss = f()\nloss.backward()\nclip_grad_norm_(net.parameters(), 1)\n",
        "opt.zero_grad()\nloss = f()\nloss.backward()\nclip_grad_norm_(net.parameters(), 1)\nopt.step()  # go\n",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_step_moves_after_its_backward_pass(patient, case: str) -> None:
    before, after = CASES[case]
    assert patient(before, step="opt.step(").edited(step_later) == after


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("f().backward()\nopt.step()\n", "no backward pass follows"),
        ("if a: opt.step()\n", "is not a separate statement, so nothing can be moved after it"),
    ],
)
def test_refusals_say_why(patient, text: str, reason: str) -> None:
    assert reason in patient(text, step="opt.step(").refusal(step_later)
