"""The orders in which examples are shown."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, IterableDataset, TensorDataset
from torch.utils.data.datapipes.iter import Shuffler

from descend.data import Curriculum, ErrorWeighted, GrowingBatches, Reshuffled, SpreadClasses
from descend.schedules import Constant, Exponential, Linear, Step, Warmup

DIGITS = torch.tensor(load_digits().target)


def same_class(labels) -> float:
    """Return the share of successive examples that are of one class."""
    return (labels[1:] == labels[:-1]).float().mean().item()


class Stream(IterableDataset):
    """Examples without a number."""

    def __iter__(self):
        yield from range(50)


ORDERS = {
    "reshuffled": lambda: Reshuffled(len(DIGITS), seed=3),
    "spread": lambda: SpreadClasses(DIGITS, seed=3),
    "curriculum": lambda: Curriculum(torch.arange(300.0).sin(), Warmup(4, start=0.25), seed=3),
    "errors": lambda: ErrorWeighted(300, seed=3),
}


@pytest.mark.parametrize("name", ["reshuffled", "spread"])
def test_each_epoch_has_every_example_once_in_another_order(name):
    sampler = ORDERS[name]()
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(len(DIGITS))) and first != second
    again = ORDERS[name]()
    assert [list(again), list(again)] == [first, second]


@pytest.mark.parametrize("name", ORDERS)
def test_an_epoch_is_resumed_where_it_was(name):
    whole = ORDERS[name]()
    list(whole)
    epoch, later = list(whole), list(whole)
    broken = ORDERS[name]()
    list(broken)
    drawing = iter(broken)
    seen = [next(drawing) for _ in range(40)]
    resumed = ORDERS[name]()
    resumed.load_state_dict(broken.state_dict())
    assert seen + list(resumed) == epoch and list(resumed) == later


def test_an_epoch_that_is_broken_off_is_over():
    sampler = Reshuffled(50)
    peeked = next(iter(sampler))
    second = list(sampler)
    fresh = Reshuffled(50)
    assert peeked == next(iter(fresh)) and list(fresh) == second and len(second) == 50


def test_a_second_pass_in_between_leaves_the_next_epochs_whole():
    sampler = Reshuffled(10)
    outer = iter(sampler)
    first = [next(outer) for _ in range(4)]
    assert len(list(sampler)) == 10 and len(first + list(outer)) == 10
    assert [len(list(sampler)) for _ in range(3)] == [10, 10, 10]


def test_an_epoch_of_which_all_is_drawn_is_over_for_a_checkpoint():
    sampler = Reshuffled(8)
    drawing = iter(sampler)
    for _ in range(8):
        next(drawing)
    resumed = Reshuffled(8)
    resumed.load_state_dict(sampler.state_dict())
    next(drawing, None)
    assert list(resumed) == list(sampler)


def test_errors_that_are_mostly_0_can_be_drawn_by():
    sampler = ErrorWeighted(4)
    sampler.update([0, 1, 2, 3], [0.0, 0.0, 0.0, 1.0])
    drawn = [i for _ in range(200) for i in sampler]
    assert drawn.count(3) > 700 and set(drawn) == {0, 1, 2, 3}


def test_an_epoch_goes_on_with_the_errors_it_began_with():
    sampler = ErrorWeighted(12)
    sampler.update(range(12), torch.arange(12.0))
    drawing = iter(sampler)
    seen = [next(drawing) for _ in range(4)]
    sampler.update(seen, [0.01] * 4)
    resumed = ErrorWeighted(12)
    resumed.load_state_dict(sampler.state_dict())
    assert list(drawing) == list(resumed)
    assert torch.equal(sampler.errors, resumed.errors)


def test_neighbours_are_rarely_of_one_class():
    chance = sum(same_class(DIGITS[list(Reshuffled(len(DIGITS), seed))]) for seed in range(5)) / 5
    spread = sum(same_class(DIGITS[list(SpreadClasses(DIGITS, seed))]) for seed in range(5)) / 5
    assert chance > 0.08 and spread < 0.035


@pytest.mark.slow
@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.integers(0, 100))
def test_any_labels_can_be_spread(labels, seed):
    sampler = SpreadClasses(labels, seed)
    drawn = list(sampler)
    assert sorted(drawn) == list(range(len(labels))) and len(sampler) == len(labels)
    for half in (drawn[: len(drawn) // 2], drawn[len(drawn) // 2 :]):
        for label in set(labels):
            expected = labels.count(label) * len(half) / len(labels)
            assert abs(sum(labels[i] == label for i in half) - expected) <= 1 + len(set(labels)) / 2


def test_a_curriculum_begins_with_the_easiest():
    difficulty = torch.arange(100.0).flip(0)
    sampler = Curriculum(difficulty, Warmup(4, start=0.0))
    sizes = []
    for _ in range(5):
        sizes.append(len(sampler))
        drawn = list(sampler)
        assert len(drawn) == sizes[-1] and max(difficulty[drawn]) == sizes[-1] - 1
    assert sizes == [25, 50, 75, 100, 100]
    assert len(Curriculum(difficulty, Constant(0.0))) == 1
    assert len(Curriculum(difficulty, Warmup(10))) == 10


def test_what_cannot_be_ordered_is_named():
    with pytest.raises(ValueError, match="how many examples there are, not Stream; a stream has no such number"):
        Reshuffled(Stream())
    with pytest.raises(ValueError, match="Reshuffled: there must be at least 1 example, not 0"):
        Reshuffled(0)
    with pytest.raises(ValueError, match="labels must be one for each example"):
        SpreadClasses(torch.zeros(3, 2))
    with pytest.raises(ValueError, match="none NaN"):
        Curriculum([1.0, float("nan")], Constant())


def test_examples_are_drawn_in_proportion_to_their_errors():
    sampler = ErrorWeighted(4, guard=False)
    sampler.update([0, 1, 2, 3], [0.0, 1.0, 2.0, 5.0])
    counts = torch.zeros(4)
    for _ in range(2000):
        counts += torch.bincount(torch.tensor(list(sampler)), minlength=4)
    torch.testing.assert_close(counts / counts.sum(), torch.tensor([0, 1, 2, 5]) / 8, atol=0.02, rtol=0)


def test_the_guard_holds_outliers_back():
    errors = torch.rand(200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    errors[7] = 300.0
    guarded, open_ = ErrorWeighted(200), ErrorWeighted(200, guard=False)
    for sampler in (guarded, open_):
        sampler.update(range(200), errors)
    assert guarded.weights()[7] == errors.sort().values[179] and open_.weights()[7] == 300
    assert list(open_).count(7) > 80 and list(guarded).count(7) < 10


def test_the_guard_holds_where_most_errors_are_alike():
    """Ten outliers among errors whose median absolute deviation is 0, or which are 0 themselves."""
    for usual in (1.0, 0.0):
        sampler = ErrorWeighted(200)
        sampler.update(range(200), [100.0] * 10 + [usual] * 190)
        assert sampler.weights()[:10].sum() / sampler.weights().sum() == pytest.approx(0.05)


def test_what_is_learnt_is_drawn_and_what_is_not_is_given_up():
    sampler = ErrorWeighted(100, patience=3)
    errors = torch.linspace(0.1, 1.0, 100, dtype=torch.float64)
    for draw in range(5):
        sampler.update(range(100), errors)
        assert (sampler.weights()[99] == errors.median()) == (draw >= 3)  # the first epoch has no quantile yet
        list(sampler)
    kept = sampler.state_dict()
    sampler.update([99], [0.5])  # it is learnt after all
    assert sampler.weights()[99] == 0.5
    sampler.load_state_dict(kept)
    assert sampler.weights()[99] == errors.median()
    with pytest.raises(ValueError, match="0 < outlying < 1 and patience >= 1, not 1 and 32"):
        ErrorWeighted(4, outlying=1)


def test_what_is_not_known_yet_is_worth_a_look():
    sampler = ErrorWeighted(5)
    assert sampler.weights().tolist() == [1.0] * 5
    sampler.update(torch.tensor([0, 1, 2]), torch.tensor([0.1, 0.2, 0.3]))
    assert sampler.weights().tolist() == pytest.approx([0.1, 0.2, 0.3, 0.3, 0.3])
    sampler.update(range(5), [0.0] * 5)
    assert sampler.weights().tolist() == [1.0] * 5


def test_errors_that_are_none_are_named():
    sampler = ErrorWeighted(3)
    with pytest.raises(ValueError, match="finite numbers of at least 0"):
        sampler.update([0], [float("nan")])
    with pytest.raises(ValueError, match="2 indices, but errors of shape"):
        sampler.update([0, 1], [1.0])
    with pytest.raises(ValueError, match="the checkpoint has 3 examples, and here are 4"):
        ErrorWeighted(4).load_state_dict(sampler.state_dict())


def batches(schedule, size=4, count=50, most=None):
    return GrowingBatches(Reshuffled(count), size, schedule, most)


def test_batches_grow_with_the_steps_and_show_every_example():
    made = batches(Step(3, decay=2.0), most=16)
    assert len(made) == 7
    epoch = list(made)
    assert [len(batch) for batch in epoch] == [4, 4, 4, 8, 8, 8, 14]
    assert sorted(i for batch in epoch for i in batch) == list(range(50))
    assert [len(batch) for batch in made] == [16, 16, 16, 2]


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 60), st.floats(1.0, 1.5))
def test_its_length_is_that_of_the_epoch(size, count, growth):
    made = batches(Exponential(growth), size, count, most=64 + size)
    for _ in range(3):
        assert len(made) == len(list(made))


def test_batches_resume_in_the_middle_of_an_epoch():
    whole = batches(Step(3, decay=2.0))
    expected = [list(whole), list(whole)]
    broken = batches(Step(3, decay=2.0))
    drawing = iter(broken)
    seen = [next(drawing) for _ in range(4)]
    resumed = batches(Step(3, decay=2.0))
    resumed.load_state_dict(broken.state_dict())
    assert [seen + list(resumed), list(resumed)] == expected


def test_batches_feed_a_loader():
    data = TensorDataset(torch.arange(50.0))
    loader = DataLoader(data, batch_sampler=batches(Step(3, decay=2.0)))
    assert torch.cat([x for (x,) in loader]).sort().values.tolist() == list(range(50))


def test_a_growth_without_end_is_cut():
    made = batches(Step(1, decay=5), most=8)
    assert made.size(10_000) == 8
    with pytest.raises(ValueError, match="at step 10000 the schedule asks for a batch of inf"):
        batches(Step(1, decay=5)).size(10_000)


def test_batches_of_nothing_are_named():
    with pytest.raises(ValueError, match="1 <= batch_size <= most, not 0 and None"):
        batches(Constant(), size=0)
    with pytest.raises(ValueError, match="at step 25 the schedule asks for a batch of 0.5"):
        list(batches(Linear(50), size=1, count=200))


def test_a_stream_is_shuffled_through_a_buffer():
    shuffled = [int(i) for batch in DataLoader(Shuffler(Stream(), buffer_size=20), 8) for i in batch]
    assert sorted(shuffled) == list(range(50)) != shuffled
