import pytest

from descend.doctor.remedies.call_backward import call_backward

HEAD = "opt = optim.SGD(net.parameters(), lr=0.1)\n"
LOOP = HEAD + "for x in r:\n    loss = f(x)\n    opt.zero_grad()\n    opt.step()\n    log(loss)\n"
CASES = {  # the script, a part of it, and the edited part
    "a loop": (LOOP, "    opt.step()", "    loss.backward()\n    opt.step()"),
    "nothing clears": (
        LOOP.replace("    opt.zero_grad()\n", ""),
        "    opt.step()\n",
        "    loss.backward()\n    opt.step()\n    opt.zero_grad()\n",
    ),
    "clipping": (
        LOOP.replace("    opt.step()", "    nn.utils.clip_grad_norm_(net.parameters(), 1.0)  # c\n    opt.step()"),
        "    nn.utils.clip",
        "    loss.backward()\n    nn.utils.clip",
    ),
    "without its parentheses": (
        LOOP.replace("    opt.step()", "    loss.backward\n    opt.step()"),
        "loss.backward\n",
        "loss.backward()\n",
    ),
    "one line": (HEAD + "for x in r: opt.zero_grad(); loss = f(x); opt.step()\n", "opt.s", "loss.backward(); opt.s"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_backward_pass_is_inserted_before_the_step(patient, name):
    text, before, after = CASES[name]
    p = patient(text, idle_loss="opt.step(", step="opt.step(", optimizer="optim.SGD(")
    assert p.edited(call_backward, loss="loss", optimizer="0") == text.replace(before, after)


def test_the_backward_pass_uses_the_variable_of_the_loss(patient):
    text = "def update():\n    opt.step()\n\n\n" + LOOP.replace("opt.step()", "update()")
    p = patient(text, idle_loss="update(", step="opt.step(", optimizer="optim.SGD(")
    after = "    loss.backward()\n    update()\n"
    assert p.edited(call_backward, loss="loss", optimizer="0") == text.replace("    update()\n", after)


@pytest.mark.parametrize("call", ["loss.backward()", "scaler.scale(loss).backward()", "accelerator.backward(loss)"])
def test_a_conditional_backward_pass_is_reported(patient, call):
    text = LOOP.replace("    opt.step()", f"    if late:\n        {call}\n    opt.step()")
    p = patient(text, idle_loss="opt.step(", step="opt.step(", optimizer="optim.SGD(")
    reason = p.refusal(call_backward, loss="loss", optimizer="0")
    assert reason == "line 6 calls `loss.backward()` only under a condition"
