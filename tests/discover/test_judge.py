"""A found rule is compared with tuned optimizers; what is trained already is not trained again."""

import json
from math import isfinite

import pytest

from descend.core.errors import UsageError
from descend.discover.archive import Entry
from descend.discover.expression import read_prefix
from descend.discover.judge import (
    CASES,
    ITSELF,
    JUDGED,
    JUDGING_SEEDS,
    OTHER_SEEDS,
    RIVALS,
    Entrant,
    floor,
    is_better,
    judge_all,
    losses,
)
from descend.discover.proxies import Score

SIGN = read_prefix(["sign", "g"])
RULE = Entry("fingerprint", SIGN, Score(-0.1, (0.01,), 0.01), 1)


def store(path, factors) -> None:
    """Write losses for everybody; `factors`: those of the rule, of itself with other seeds and of the rivals."""
    with path.open("w") as file:
        for case in CASES:
            for name, factor in factors.items():
                own = name in ("", ITSELF)
                entrant = Entrant(
                    name,
                    case,
                    1,
                    0.01 if own else RIVALS[name][1],
                    SIGN if own else None,
                    OTHER_SEEDS * (name == ITSELF),
                )
                values = [factor * (1 + 0.01 * seed) for seed in range(JUDGING_SEEDS)]
                file.write(json.dumps({"key": entrant.key, "losses": values}) + "\n")


def test_stored_losses_are_compared_without_training(tmp_path):
    rivals = dict.fromkeys(RIVALS, 1.0)
    store(tmp_path / JUDGED, {"": 0.5, ITSELF: 0.55, **rivals, "Lion": 0.52, "AddSign": 0.4})
    said = []
    found = judge_all(RULE, [1], tmp_path, 1, said.append)
    assert len(found) == len(CASES) * (len(RIVALS) + 1) and "0 optimizers to tune" in said[0]
    assert floor(found) == pytest.approx(0.55 / 0.5)
    better = {each.rival for each in found if each.rival != ITSELF and is_better(each, floor(found))}
    assert better == {"SGD", "Momentum", "Adam"}  # Lion is worse by less than what chance alone does
    assert all(each.found.centre == pytest.approx(0.5) for each in found if each.rival == "Adam")


def test_a_damaged_file_gets_one_line(tmp_path):
    (tmp_path / JUDGED).write_text('{"key": 1}\n')
    with pytest.raises(UsageError, match=f"{JUDGED} is no file of judged rules"):
        judge_all(RULE, [1], tmp_path, 1, print)


@pytest.mark.slow
def test_each_optimizer_is_tuned_by_itself():
    case = "digits, batches of 8"
    of_sign = losses(Entrant("", case, 1, 0.01, SIGN))
    of_adam = losses(Entrant("Adam", case, 1, RIVALS["Adam"][1]))
    assert len(of_sign) == len(of_adam) == JUDGING_SEEDS and all(map(isfinite, of_sign + of_adam))
    assert max(of_sign + of_adam) < 1.5 and of_sign != of_adam  # ln 10 at the start
