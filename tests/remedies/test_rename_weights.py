import pytest

from descend.doctor.remedies.rename_weights import rename_weights

LOADS = [
    (
        "net.load_state_dict(torch.load('a.pt'), strict=False)",
        "net.load_state_dict({name.removeprefix(\"module.\"): value for name, value in torch.load('a.pt').items()}, "
        "strict=False)",
    ),
    (
        "net.load_state_dict(strict=False, state_dict=saved['net'])",
        "net.load_state_dict(strict=False, "
        "state_dict={name.removeprefix(\"module.\"): value for name, value in saved['net'].items()})",
    ),
    (
        "load(net).load_state_dict(a or b, False)",
        'load(net).load_state_dict({name.removeprefix("module."): value for name, value in (a or b).items()}, False)',
    ),
]


@pytest.mark.parametrize(("before", "after"), LOADS)
def test_a_prefix_is_taken_off(patient, before: str, after: str) -> None:
    p = patient(f"{before}\n", load_state_dict=before)
    assert p.edited(rename_weights, place="0", prefix="module.", is_extra=True) == f"{after}\n"


def test_a_prefix_is_put_on(patient) -> None:
    p = patient("net.load_state_dict(state, False)\n", load_state_dict="net.load_state_dict(")
    after = 'net.load_state_dict({"encoder." + name: value for name, value in state.items()}, False)\n'
    assert p.edited(rename_weights, place="0", prefix="encoder.", is_extra=False) == after


def test_a_load_inside_another_function_is_refused(patient) -> None:
    p = patient("restore(net, path)\n", load_state_dict="restore(")
    assert "only indirectly" in p.refusal(rename_weights, place="0", prefix="module.", is_extra=True)
