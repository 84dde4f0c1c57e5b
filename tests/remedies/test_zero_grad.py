import pytest

from descend.doctor.remedies.zero_grad import zero_grad

CASES = {  # the call, the script, and the text that replaces the call
    "a line": ("opt.step()", "loss.backward()\nopt.step()\nlog()\n", "opt.step()\nopt.zero_grad()"),
    "the last line without its end": ("opt.step()", "opt.step()", "opt.step()\nopt.zero_grad()"),
    "a comment after it": (
        "opt.step()  # go",
        "opt.step()  # go\n# next\nlog()\n",
        "opt.step()  # go\nopt.zero_grad()",
    ),
    "an attribute": (
        "self.opt.step()",
        "class T:\n    def f(self):\n        self.opt.step()\n",
        "self.opt.step()\n        self.opt.zero_grad()",
    ),
    "a condition": (
        "opt.step()",
        "for i in r:\n\tif i % 4 == 0:\n\t\topt.step()\n\tlog()\n",
        "opt.step()\n\t\topt.zero_grad()",
    ),
    "a condition in a line": ("opt.step()", "if ready: opt.step()\n", "opt.step(); opt.zero_grad()"),
    "a semicolon after it": ("opt.step();", "opt.step();\n", "opt.step();\nopt.zero_grad()"),
    "between others": ("opt.step()", "a(); opt.step(); b()\n", "opt.step(); opt.zero_grad()"),
    "its value": ("opt.step()", "loss = opt.step()\n", "opt.step()\nopt.zero_grad()"),
    "several optimizers": ("o.step()", "for o in opts:\n    o.step()\n", "o.step()\n    o.zero_grad()"),
    "a key": ("opts['d'].step()", "opts['d'].step()\n", "opts['d'].step()\nopts['d'].zero_grad()"),
    "several lines": ("opt\n .step())", "(opt\n .step())\nlog()\n", "opt\n .step())\nopt.zero_grad()"),
    "a scaler": (
        "scaler.step(opt)",
        "scaler.step(opt)\nscaler.update()\n",
        "scaler.step(opt)\nopt.zero_grad()",
    ),
    "a scaler of another name": (
        "amp.step(opt)",
        "amp = torch.amp.GradScaler()\namp.scale(loss).backward()\namp.step(opt)\n",
        "amp.step(opt)\nopt.zero_grad()",
    ),
    "a loss given to the step": ("opt.step(loss)", "opt.step(loss)\n", "opt.step(loss)\nopt.zero_grad()"),
    "windows": (
        "opt.step()",
        "while 1:\r\n    opt.step()\r\n",
        "opt.step()\r\n    opt.zero_grad()",
    ),
}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("opt.zero_grad\nf().backward()\nopt.step()\n", "opt.zero_grad()\nf().backward()\nopt.step()\n"),
        ("f().backward()\nopt.step()\nopt.zero_grad\n", "f().backward()\nopt.step()\nopt.zero_grad()\n"),
        (
            "f().backward()\nopt.zero_grad\nopt.step()\n",
            "f().backward()\nopt.zero_grad\nopt.step()\nopt.zero_grad()\n",
        ),
    ],
)
def test_missing_parentheses_are_added_unless_that_clears_too_early(patient, before, after) -> None:
    assert patient(before, step="opt.step(").edited(zero_grad) == after


@pytest.mark.parametrize("case", CASES)
def test_the_call_follows_the_step(patient, case: str) -> None:
    call, text, edited = CASES[case]
    p = patient(text, step=call.split("  #")[0].rstrip(";").replace("())", "()"))
    assert p.edited(zero_grad, optimizer="0") == text.replace(call, edited)


@pytest.mark.parametrize(
    ("head", "edited"),
    [
        ("def closure():\n    'Loss.'\n    loss = f()\n", "loss = f()"),
        ("def closure():\n    # forward\n    loss = f()\n", "# forward"),
        ("def closure(): loss = f(); return loss\n", "loss = f()"),
    ],
)
def test_a_closure_begins_with_the_call(patient, head: str, edited: str) -> None:
    text = head + "opt.step(closure)\n"
    end = "; " if "return" in head else "\n    "
    expected = text.replace(edited, f"opt.zero_grad(){end}{edited}")
    assert patient(text, step="opt.step(").edited(zero_grad, optimizer="0") == expected


def test_the_variable_of_the_optimizer_is_used(patient) -> None:
    text = "sgd = SGD(p)\nfabric.step(sgd)\n"
    p = patient(text, step="fabric.step(", optimizer="SGD(")
    assert p.edited(zero_grad, optimizer="0") == text + "sgd.zero_grad()\n"


def test_a_step_inside_a_library_is_not_edited(patient) -> None:
    p = patient("trainer.fit(model)\n", step="trainer.fit(")
    assert p.refusal(zero_grad) == "line 1 calls `trainer.fit`, which uses the fit only indirectly"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f():\n    return opt.step()\n", "leaves the function"),
        ("[o.step() for o in opts]\n", "comprehension"),
        ("go = lambda: opt.step()\n", "lambda"),
        ("if opt.step():\n    log()\n", "header of a block"),
        ("step()\n", "line 1 calls `step`, which uses the step only indirectly"),
    ],
)
def test_refusals_say_why(patient, text: str, reason: str) -> None:
    call = "o.step(" if "o." in text else "opt.step("
    assert reason in patient(text, step=call if "." in text else "step(").refusal(zero_grad, optimizer="0")


BY_HAND = {
    "each parameter": (
        "loss.backward()\nwith torch.no_grad():\n    P -= lr * P.grad\n    Q -= lr * Q.grad\n",
        "loss.backward()\nwith torch.no_grad():\n    P -= lr * P.grad\n    P.grad = None\n    Q -= lr * Q.grad\n"
        "    Q.grad = None\n",
    ),
    "a loop": (
        "loss.backward()\nfor w in ws:\n    w.data.sub_(lr * w.grad)\n",
        "loss.backward()\nfor w in ws:\n    w.data.sub_(lr * w.grad)\n    w.grad = None\n",
    ),
    "used twice": (
        "loss.backward()\nprint(w.grad)\nv = 0.9 * v + w.grad\nw.data = w.data - v - w.grad\n",
        "loss.backward()\nprint(w.grad)\nv = 0.9 * v + w.grad\nw.data = w.data - v - w.grad\nw.grad = None\n",
    ),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_updates_by_hand_clear_each_used_gradient(patient, case: str) -> None:
    before, after = BY_HAND[case]
    assert patient(before, backward="loss.backward(").edited(zero_grad) == after


def test_a_script_that_uses_no_gradient_is_refused(patient) -> None:
    p = patient("loss.backward()\nprint(w.grad)\n", backward="loss.backward(")
    assert "updates a parameter" in p.refusal(zero_grad)
