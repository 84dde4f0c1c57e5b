import pytest

from descend.doctor.remedies.step_in_loop import step_in_loop

HEAD = "for x in r:\n    opt.zero_grad()\n    loss = f(x)\n    loss.backward()\n"
CASES = {
    "after the loop": (HEAD + "opt.step()\n", HEAD + "    opt.step()\n"),
    "after the loop of an epoch": (
        "for e in n:\n    for x in r:\n        loss.backward()\n        clip_grad_norm_(p, 1)\n        log()\n"
        "    opt.step()\n",
        "for e in n:\n    for x in r:\n        loss.backward()\n        clip_grad_norm_(p, 1)\n        opt.step()\n"
        "        log()\n",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_step_follows_each_backward_pass(patient, case: str) -> None:
    before, after = CASES[case]
    assert patient(before, backward="loss.backward(", step="opt.step(").edited(step_in_loop) == after


@pytest.mark.parametrize("text", [HEAD + "    opt.step()\n", "loss.backward()\nopt.step()\n"])
def test_a_step_in_the_loop_stays(patient, text: str) -> None:
    p = patient(text, backward="loss.backward(", step="opt.step(")
    assert "not below the loop" in p.refusal(step_in_loop)
