"""Asynchronous training against the papers: equal sequential steps, steps by hand, conserved quantities."""

from math import sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from descend.optim import Adagrad, Nesterov
from descend.parallel import (
    AdaptiveRevisionServer,
    BackupServer,
    Centre,
    DownpourReplica,
    DownpourServer,
    ElasticReplica,
    in_step,
    take_turns,
)

torch.manual_seed(0)
X = torch.randn(64, 5, dtype=torch.float64)
Y = X @ torch.arange(1.0, 6.0, dtype=torch.float64)[:, None] + 0.1 * torch.randn(64, 1, dtype=torch.float64)
numbers = st.floats(-10, 10, allow_nan=False)


def regression() -> nn.Module:
    torch.manual_seed(1)
    return nn.Linear(5, 1).double()


def train(model: nn.Module, optimizer, steps: int) -> None:
    for step in range(steps):
        rows = slice(8 * (step % 8), 8 * (step % 8) + 8)
        optimizer.zero_grad()
        nn.functional.mse_loss(model(X[rows]), Y[rows]).backward()
        optimizer.step()


def cost(parameters) -> float:
    weight, bias = parameters
    return float(nn.functional.mse_loss(X @ weight.T + bias, Y))


def test_one_replica_that_exchanges_in_each_step_equals_the_server_optimizer() -> None:
    alone, replica = regression(), regression()
    server = DownpourServer(list(replica.parameters()), lambda params: Adagrad(params, lr=0.5))
    train(alone, Adagrad(alone.parameters(), lr=0.5), 40)
    optimizer = DownpourReplica(replica.parameters(), server)
    train(replica, optimizer, 40)
    for one, other, held in zip(alone.parameters(), replica.parameters(), server.parameters):
        assert torch.equal(one, other) and torch.equal(one, held)
    assert optimizer.traffic.staleness == [0] * 40
    assert optimizer.traffic.bytes == (1 + 2 * 40) * 6 * 8  # the first fetch, then a push and a fetch for each step


def test_without_delay_adaptive_revision_equals_adagrad() -> None:
    alone, replica = regression(), regression()
    train(alone, Adagrad(alone.parameters(), lr=0.5, initial_accumulator_value=1.0, eps=0.0), 40)
    train(replica, DownpourReplica(replica.parameters(), AdaptiveRevisionServer(list(replica.parameters()), 0.5)), 40)
    for one, other in zip(alone.parameters(), replica.parameters()):
        assert other.flatten().tolist() == pytest.approx(one.flatten().tolist(), rel=1e-12)


def test_a_delayed_gradient_agrees_with_a_calculation_by_hand() -> None:
    server = AdaptiveRevisionServer([torch.zeros(1, dtype=torch.float64)], lr=1.0)
    first, late = server.fetch(), server.fetch()
    assert server.push([torch.tensor([3.0], dtype=torch.float64)], first) == 0
    assert server.parameters[0].item() == pytest.approx(-3 / sqrt(10))  # z = 1 + 3²
    assert server.push([torch.tensor([4.0], dtype=torch.float64)], late) == 1
    # z = 10 + 4² + 2·4·3 = 50; the first step is revised from 3/√10 to 3/√50
    assert server.parameters[0].item() == pytest.approx(-7 / sqrt(50))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=8), st.sampled_from([1.0, -1.0]))
def test_gradients_delayed_by_all_others_act_like_their_sum(sizes: list[float], sign: float) -> None:
    """Of one sign, all from the same parameters: as though they had come as one."""
    server = AdaptiveRevisionServer([torch.zeros(1, dtype=torch.float64)], lr=0.7)
    fetched = [server.fetch() for _ in sizes]
    for size, seen in zip(sizes, fetched):
        server.push([torch.tensor([sign * size], dtype=torch.float64)], seen)
    total = sum(sizes)
    assert server.parameters[0].item() == pytest.approx(-sign * 0.7 * total / sqrt(1 + total**2), rel=1e-9)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8), st.floats(0.01, 0.99))
def test_the_centre_moves_by_the_same_distance_as_the_replica(pairs: list[tuple[float, float]], alpha: float) -> None:
    x, held = (torch.tensor(each, dtype=torch.float64) for each in zip(*pairs))
    centre = Centre([held], alpha)
    [pulled] = centre.exchange([x])
    assert (pulled + centre.parameters[0]).tolist() == pytest.approx((x + held).tolist(), abs=1e-12)
    assert (pulled - centre.parameters[0]).tolist() == pytest.approx(((1 - 2 * alpha) * (x - held)).tolist(), abs=1e-12)


def test_a_server_returns_the_staleness_of_gradients() -> None:
    model = regression()
    server = DownpourServer(list(model.parameters()), lambda params: Adagrad(params, lr=0.1))
    replicas = [regression() for _ in range(4)]
    optimizers = [DownpourReplica(replica.parameters(), server) for replica in replicas]
    turns = take_turns([lambda r=r, o=o: train(r, o, 1) for r, o in zip(replicas, optimizers)], lambda k: 1.0, steps=80)
    assert [turn.replica for turn in turns[:8]] == [0, 1, 2, 3, 0, 1, 2, 3] and turns[-1].time == 20.0
    for k, optimizer in enumerate(optimizers):
        assert optimizer.traffic.staleness == [k] + [3] * 19  # each other replica has pushed once meanwhile


def test_a_step_uses_the_mean_of_the_first_gradients_and_drops_late_ones() -> None:
    server = BackupServer([torch.zeros(2)], 2, lambda parameters: torch.optim.SGD(parameters, lr=1.0))
    then = server.fetch()
    first, second, third = ([torch.tensor(row)] for row in ([1.0, 2.0], [3.0, 0.0], [100.0, 100.0]))
    assert server.push(first, then) == 0 and server.version == 0 and not server.parameters[0].any()
    assert server.push(second, then) == 0 and server.version == 1
    assert server.parameters[0].tolist() == [-2.0, -1.0]
    assert server.push(third, then) == 1 and (server.version, server.dropped) == (1, 1)
    assert server.parameters[0].tolist() == [-2.0, -1.0]


def test_a_step_needs_no_more_gradients_than_replicas_attend() -> None:
    server = BackupServer([torch.zeros(1)], 2, lambda parameters: torch.optim.SGD(parameters, lr=1.0))
    for replica in ("a", "b", "c"):
        server.attend(replica, True)
    server.push([torch.ones(1)], server.fetch())
    server.attend("a", False)
    assert server.version == 0  # two attend, and two are wanted
    server.attend("b", False)
    assert server.version == 1 and server.parameters[0].item() == -1.0
    again = BackupServer([torch.zeros(1)], 2, lambda parameters: torch.optim.SGD(parameters, lr=1.0))
    again.load_state_dict(server.state_dict())
    assert (again.version, again.attending, again.parameters[0].item()) == (1, {"c"}, -1.0)


def test_a_slow_replica_takes_fewer_turns_with_higher_staleness() -> None:
    steps = [lambda: None, lambda: None]
    turns = take_turns(steps, lambda k: (1.0, 3.0)[k], steps=40)
    assert sum(turn.replica == 0 for turn in turns) == 30 and sum(turn.replica == 1 for turn in turns) == 10
    assert [turn.time for turn in turns] == sorted(turn.time for turn in turns)
    with pytest.raises(ValueError, match="the duration of a step must be positive; for replica 0 it is 0"):
        take_turns(steps, lambda k: 0.0, steps=1)


@pytest.mark.parametrize("rule", [torch.optim.SGD, Nesterov])
def test_elastic_replicas_and_their_centre_reach_the_minimum(rule) -> None:
    models = [regression() for _ in range(4)]
    centre = Centre(list(models[0].parameters()), alpha=0.9 / 4)
    optimizers = [ElasticReplica(rule(model.parameters(), lr=0.01), centre, period=4) for model in models]
    take_turns([lambda m=m, o=o: train(m, o, 8) for m, o in zip(models, optimizers)], lambda k: 1.0, steps=400)
    least = cost(torch.linalg.lstsq(torch.cat([X, torch.ones(64, 1, dtype=X.dtype)], 1), Y).solution.T.split([5, 1], 1))
    assert cost(centre.parameters) < 1.1 * least
    pulled = optimizers[0].traffic.pulled
    assert len(pulled) == 200 and pulled[-1] < 0.05 * max(pulled)


def test_downpour_with_rare_exchanges_learns_and_transfers_fewer_bytes() -> None:
    server = DownpourServer(list(regression().parameters()), lambda params: Adagrad(params, lr=0.3))
    models = [regression() for _ in range(3)]
    before = cost(server.parameters)
    optimizers = [DownpourReplica(model.parameters(), server, n_push=5, n_fetch=5) for model in models]
    take_turns([lambda m=m, o=o: train(m, o, 5) for m, o in zip(models, optimizers)], lambda k: 1.0, steps=120)
    assert cost(server.parameters) < 0.05 * before
    assert optimizers[0].traffic.bytes == (1 + 2 * 40) * 6 * 8  # of 200 steps


def test_invalid_arguments_are_rejected() -> None:
    with pytest.raises(ValueError, match="wanted must be at least 1 gradient, not 0"):
        BackupServer([torch.zeros(1)], 0)
    model = regression()
    server = DownpourServer(list(model.parameters()))
    with pytest.raises(ValueError, match=r"are of a different model: \(2, 5\) instead of the server's \(1, 5\)"):
        server.push([torch.zeros(2, 5), torch.zeros(1)], server.fetch())
    with pytest.raises(ValueError, match="are of a different model: 1 instead of the server's 2"):
        server.push([torch.zeros(1, 5)], server.fetch())
    ill = [torch.zeros(1, 5), torch.full((1,), float("nan"))]
    before = [p.clone() for p in server.parameters]
    for held in (server, AdaptiveRevisionServer(list(model.parameters()), 0.1)):
        with pytest.raises(
            ValueError, match="nothing was applied, because tensor 1 of the 2 pushed tensors has NaN or infinity"
        ):
            held.push(ill, held.fetch())
    with pytest.raises(ValueError, match="has NaN or infinity"):
        Centre(list(model.parameters()), 0.5).exchange(ill)
    assert all(torch.equal(a, b) for a, b in zip(before, server.parameters)) and server.version == 0
    for changes in ({"n_push": 0}, {"n_fetch": 0}):
        with pytest.raises(ValueError, match="must be at least 1, not 0"):
            DownpourReplica(model.parameters(), server, **changes)
    with pytest.raises(ValueError, match="alpha must be between 0 and 1, not 1"):
        Centre(list(model.parameters()), alpha=1.0)
    with pytest.raises(ValueError, match="lr must be positive, not 0"):
        AdaptiveRevisionServer(list(model.parameters()), lr=0.0)
    with pytest.raises(ValueError, match="period must be at least 1, not 0"):
        ElasticReplica(torch.optim.SGD(model.parameters(), lr=0.1), Centre(list(model.parameters()), 0.5), period=0)


def test_a_synchronous_step_takes_as_long_as_its_slowest_replica() -> None:
    times = {0: 1.0, 1: 2.0, 2: 7.0}
    assert in_step(times.__getitem__, 3, steps=5) == 35
    assert in_step(times.__getitem__, 3, steps=5, backups=1) == 10
    alternating = iter([1.0, 3.0, 3.0, 1.0] * 2)  # two local steps of each of two workers even out
    assert in_step(lambda worker: next(alternating), 2, steps=4, local=2) == 8
    with pytest.raises(ValueError, match=r"less than the number of workers \(3\), not 3"):
        in_step(times.__getitem__, 3, steps=1, backups=3)
