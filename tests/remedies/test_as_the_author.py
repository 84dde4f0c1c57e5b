"""Patches as an author would write them: a commented-out call is uncommented, help texts state new defaults."""

import pytest

from descend.doctor.remedies import REMEDIES

LOOP = """import torch
optimizer = torch.optim.SGD(model.parameters(), 0.1)
for x in data:
    {first}
    loss = model(x)
    {second}
    loss.backward()
    optimizer.step()
    {third}
"""
WRITTEN = ("# optimizer.zero_grad()", "#optimizer.zero_grad( )", "#  optimizer.zero_grad()")


@pytest.mark.parametrize("comment", WRITTEN)
@pytest.mark.parametrize("at", ["first", "second", "third"])
def test_a_commented_out_call_is_uncommented_in_place(patient, comment, at):
    lines = dict.fromkeys(("first", "second", "third"), "print(x)")
    p = patient(
        LOOP.format(**(lines | {at: comment})), optimizer="torch.optim.SGD(", step="optimizer.step(", backward="loss."
    )
    assert p.edited(REMEDIES["zero_grad"]) == p.text.replace(comment, "optimizer.zero_grad()")


def test_a_comment_elsewhere_is_a_comment(patient):
    text = "# optimizer.zero_grad()\n" + LOOP.format(first="a = 1", second="b = 2", third="c = 3")
    p = patient(text, optimizer="torch.optim.SGD(", step="optimizer.step(", backward="loss.")
    edited = p.edited(REMEDIES["zero_grad"])
    assert edited.startswith("# optimizer.zero_grad()\n") and "\n    optimizer.zero_grad()\n" in edited


HELP = {
    "with its default": ('default=0.5, help="learning rate (default: 0.5)"', 'help="learning rate (default: 0.01)"'),
    "with another number": ('default=0.5, help="0.5 in the paper, 10.5 or 0.51 here"', 'help="0.01 in the paper, 10.5'),
    "by itself": ('default=0.5, help="learning rate (%(default)s)"', 'help="learning rate (%(default)s)"'),
    "first": ('help="learning rate, 0.5.", default=0.5', 'help="learning rate, 0.01."'),
}


@pytest.mark.parametrize("case", HELP)
def test_the_help_text_states_the_new_default(patient, case):
    given, expected = HELP[case]
    text = f"""import argparse, torch
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, {given})
args = parser.parse_args()
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
"""
    p = patient(text, optimizer="torch.optim.SGD(")
    edited = p.edited(REMEDIES["learning_rate"], lr=0.01)
    assert expected in edited and "default=0.01" in edited
