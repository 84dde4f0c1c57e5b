import pytest

from descend.doctor.remedies.clear_later import clear_later

CASES = {
    "right before": (
        "for x in r:\n    f(x).backward()\n    opt.zero_grad()\n    opt.step()\n",
        "for x in r:\n    f(x).backward()\n    opt.step()\n    opt.zero_grad()\n",
    ),
    "something between": (
        "for x in r:\n    f(x).backward()\n    opt.zero_grad()  # clear\n    clip(net)\n    opt.step()\n    log()\n",
        "for x in r:\n    f(x).backward()\n    clip(net)\n    opt.step()\n    opt.zero_grad()  # clear\n    log()\n",
    ),
    "by the model": (
        "f().backward()\nnet.zero_grad()\nopt.step()\n",
        "f().backward()\nopt.step()\nnet.zero_grad()\n",
    ),
    "only the later of two": (
        "opt.zero_grad()\nf().backward()\nopt.zero_grad()\nopt.step()\n",
        "opt.zero_grad()\nf().backward()\nopt.step()\nopt.zero_grad()\n",
    ),
    "in a loop over parts of the batch": (
        "for x in r:\n    for y in x:\n        opt.zero_grad()\n        f(y).backward()\n    opt.step()\n",
        "for x in r:\n    for y in x:\n        f(y).backward()\n    opt.step()\n    opt.zero_grad()\n",
    ),
    "before a step that is made in some passes": (
        "for i, x in r:\n    opt.zero_grad()\n    f(x).backward()\n    if i % 4:\n        opt.step()\n",
        "for i, x in r:\n    f(x).backward()\n    if i % 4:\n        opt.step()\n        opt.zero_grad()\n",
    ),
    "after a step that is made in some passes": (
        "for i, x in r:\n    f(x).backward()\n    if i % 4:\n        opt.step()\n        log()\n    opt.zero_grad()\n",
        "for i, x in r:\n    f(x).backward()\n    if i % 4:\n        opt.step()\n        opt.zero_grad()\n"
        "        log()\n",
    ),
    "a comment above": (
        "f().backward()\n# now\nopt.zero_grad()\nopt.step()\n",
        "f().backward()\n# now\nopt.step()\nopt.zero_grad()\n",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_gradients_are_cleared_after_the_step(patient, case: str) -> None:
    before, after = CASES[case]
    assert patient(before, step="opt.step(").edited(clear_later) == after


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("f().backward()\nopt.step()\nopt.zero_grad()\n", "no statement clears"),
        ("f().backward(); opt.zero_grad(); opt.step()\n", "no statement clears"),
        ("if a: opt.step()\n", "is not a separate statement, so nothing can be moved after it"),
    ],
)
def test_refusals_say_why(patient, text: str, reason: str) -> None:
    assert reason in patient(text, step="opt.step(").refusal(clear_later)
