import pytest

from descend.doctor.remedies.step_per_epoch import step_per_epoch

MOVED = {
    "at the end of a batch": (
        "for e in r:\n    for b in d:\n        o.step()\n        s.step()\n",
        "for e in r:\n    for b in d:\n        o.step()\n    s.step()\n",
    ),
    "before other lines": (
        "for e in r:\n    for b in d:\n        o.step()\n        s.step()  # on\n\n        log()\n    test()\nend()\n",
        "for e in r:\n    for b in d:\n        o.step()\n\n        log()\n    test()\n    s.step()  # on\nend()\n",
    ),
    "with its comment": (
        "for e in r:\n    for b in d:\n        o.step()\n\n        # slower\n        s.step()\n    test()\n",
        "for e in r:\n    for b in d:\n        o.step()\n    test()\n    # slower\n    s.step()\n",
    ),
    "in a line with others": (
        "for e in r:\n    for b in d:\n        o.step(); s.step(); log()\n",
        "for e in r:\n    for b in d:\n        o.step(); log()\n    s.step()\n",
    ),
    "last in a line": (
        "for e in r:\n    for b in d:\n        o.step(); s.step()\n",
        "for e in r:\n    for b in d:\n        o.step()\n    s.step()\n",
    ),
    "in the loop's own line": (
        "for e in r:\n\tfor b in d: o.step(); s.step()\n",
        "for e in r:\n\tfor b in d: o.step()\n\ts.step()\n",
    ),
    "on a condition of its own": (
        "for e in r:\n    for b in d:\n        o.step()\n        if s is not None:\n            s.step()\n    test()\n",
        "for e in r:\n    for b in d:\n        o.step()\n    test()\n    if s is not None:\n        s.step()\n",
    ),
    "on a condition in one line": (
        "for e in r:\n    for b in d:\n        o.step()\n        if warm: s.step()\n",
        "for e in r:\n    for b in d:\n        o.step()\n    if warm: s.step()\n",
    ),
    "on a condition with others": (
        "for e in r:\n    for i, b in d:\n        if i % 4 == 0:\n            o.step()\n            s.step()\n",
        "for e in r:\n    for i, b in d:\n        if i % 4 == 0:\n            o.step()\n    s.step()\n",
    ),
    "in folds": (
        "for k in f:\n    for e in r:\n        for b in d:\n            o.step()\n            s.step()\n    end()\n",
        "for k in f:\n    for e in r:\n        for b in d:\n            o.step()\n        s.step()\n    end()\n",
    ),
    "in a function for an epoch": (
        "def train():\n    for b in d:\n        o.step()\n        s.step()\n    test()\nfor e in r:\n    train()\n",
        "def train():\n    for b in d:\n        o.step()\n    s.step()\n    test()\nfor e in r:\n    train()\n",
    ),
    "in a method": (
        "class T:\n    def fit(self):\n        while self.on:\n            for b in d:\n                self.o.step()\n"
        "                self.s.step()\n            self.e += 1\n",
        "class T:\n    def fit(self):\n        while self.on:\n            for b in d:\n                self.o.step()\n"
        "            self.e += 1\n            self.s.step()\n",
    ),
}


@pytest.mark.parametrize("case", MOVED)
def test_the_statement_moves_to_the_end_of_the_epoch(patient, case: str) -> None:
    before, after = MOVED[case]
    p = patient(before, scheduler_step="self.s.step(" if "self.s" in before else "s.step(")
    assert p.edited(step_per_epoch) == after


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "for b in d:\n    o.step()\n    s.step()\n",
            "line 3 is not in a loop over batches inside a loop over epochs",
        ),
        (
            "def f():\n    for b in d:\n        s.step()\n        o.step()\nf()\n",
            "line 3 is not in a loop",
        ),
        (
            "for e in r:\n    def f():\n        for b in d:\n            s.step()\n            x()\n",
            "line 4 is not in a loop",
        ),
        ("for e in r:\n    for b in d:\n        s.step()\n", "line 3 is the only statement in its block"),
        ("for e in r:\n    for b in d:\n        x = s.step()\n", "line 3 does more than step the scheduler"),
        (
            "for e in r:\n    for i, b in d:\n        o.step()\n        if i > 5:\n            s.step()\n",
            "line 4 decides for each batch",
        ),
        (
            "for e in r:\n    for b in d:\n        if a:\n            s.step()\n        else:\n            x()\n",
            "line 4 is the only statement in its block",
        ),
        (
            "for e in r:\n    for b in d:\n        if a:\n            x()\n        elif c:\n            s.step()\n",
            "line 6 is the only statement in its block",
        ),
    ],
)
def test_refusals_say_why(patient, text: str, reason: str) -> None:
    assert reason in patient(text, scheduler_step="s.step(").refusal(step_per_epoch)


def test_a_step_inside_a_library_is_refused(patient) -> None:
    p = patient("for e in r:\n    for b in d:\n        engine.go()\n", scheduler_step="engine.go(")
    assert "only indirectly" in p.refusal(step_per_epoch)
