"""The orders in which samplers draw the examples."""

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
def test_each_epoch_has_every_example_once_in_a_new_order(name):
    sampler = ORDERS[name]()
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(len(DIGITS))) and first != second
    again = ORDERS[name]()
    assert [list(again), list(again)] == [first, second]


@pytest.mark.parametrize("name", ORDERS)
def test_an_epoch_resumes_at_the_next_example(name):
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


def test_an_interrupted_epoch_is_over():
    sampler = Reshuffled(50)
    peeked = next(iter(sampler))
    second = list(sampler)
    fresh = Reshuffled(50)
    assert peeked == next(iter(fresh)) and list(fresh) == second and len(second) == 50


def test_a_second_iterator_does_not_shorten_later_epochs():
    sampler = Reshuffled(10)
    outer = iter(sampler)
    first = [next(outer) for _ in range(4)]
    assert len(list(sampler)) == 10 and len(first + list(outer)) == 10
    assert [len(list(sampler)) for _ in range(3)] == [10, 10, 10]


def test_a_checkpoint_of_a_completely_drawn_epoch_starts_the_next_epoch():
    sampler = Reshuffled(8)
    drawing = iter(sampler)
    for _ in range(8):
        next(drawing)
    resumed = Reshuffled(8)
    resumed.load_state_dict(sampler.state_dict())
    next(drawing, None)
    assert list(resumed) == list(sampler)


def test_sampling_works_if_most_errors_are_0():
    sampler = ErrorWeighted(4)
    sampler.update([0, 1, 2, 3], [0.0, 0.0, 0.0, 1.0])
    drawn = [i for _ in range(200) for i in sampler]
    assert drawn.count(3) > 700 and set(drawn) == {0, 1, 2, 3}


def test_a_resumed_epoch_uses_the_errors_from_its_start():
    sampler = ErrorWeighted(12)
    sampler.update(range(12), torch.arange(12.0))
    drawing = iter(sampler)
    seen = [next(drawing) for _ in range(4)]
    sampler.update(seen, [0.01] * 4)
    resumed = ErrorWeighted(12)
    resumed.load_state_dict(sampler.state_dict())
    assert list(drawing) == list(resumed)
    assert torch.equal(sampler.errors, resumed.errors)


def test_successive_examples_rarely_have_the_same_class():
    chance = sum(same_class(DIGITS[list(Reshuffled(len(DIGITS), seed))]) for seed in range(5)) / 5
    spread = sum(same_class(DIGITS[list(SpreadClasses(DIGITS, seed))]) for seed in range(5)) / 5
    assert chance > 0.08 and spread < 0.035


@pytest.mark.slow
@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.integers(0, 100))
def test_labels_of_any_kind_can_be_spread(labels, seed):
    sampler = SpreadClasses(labels, seed)
    drawn = list(sampler)
    assert sorted(drawn) == list(range(len(labels))) and len(sampler) == len(labels)
    for half in (drawn[: len(drawn) // 2], drawn[len(drawn) // 2 :]):
        for label in set(labels):
            expected = labels.count(label) * len(half) / len(labels)
            assert abs(sum(labels[i] == label for i in half) - expected) <= 1 + len(set(labels)) / 2


def test_a_curriculum_begins_with_the_easiest_examples():
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


def test_data_that_cannot_be_ordered_is_rejected():
    with pytest.raises(ValueError, match="the number of examples, not a Stream. To shuffle a stream, use a buffer"):
        Reshuffled(Stream())
    with pytest.raises(ValueError, match="Reshuffled: there must be at least 1 example, not 0"):
        Reshuffled(0)
    with pytest.raises(ValueError, match="labels must have shape \\(N,\\)"):
        SpreadClasses(torch.zeros(3, 2))
    with pytest.raises(ValueError, match="no NaN"):
        Curriculum([1.0, float("nan")], Constant())


def test_examples_are_drawn_in_proportion_to_their_errors():
    sampler = ErrorWeighted(4, guard=False)
    sampler.update([0, 1, 2, 3], [0.0, 1.0, 2.0, 5.0])
    counts = torch.zeros(4)
    for _ in range(2000):
        counts += torch.bincount(torch.tensor(list(sampler)), minlength=4)
    torch.testing.assert_close(counts / counts.sum(), torch.tensor([0, 1, 2, 5]) / 8, atol=0.02, rtol=0)


def test_the_guard_limits_the_sampling_of_outliers():
    errors = torch.rand(200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    errors[7] = 300.0
    guarded, open_ = ErrorWeighted(200), ErrorWeighted(200, guard=False)
    for sampler in (guarded, open_):
        sampler.update(range(200), errors)
    assert guarded.weights()[7] == errors.sort().values[179] and open_.weights()[7] == 300
    assert list(open_).count(7) > 80 and list(guarded).count(7) < 10


def test_the_guard_works_if_most_errors_are_equal():
    """Ten outliers among errors whose median absolute deviation is 0, or which are 0 themselves."""
    for usual in (1.0, 0.0):
        sampler = ErrorWeighted(200)
        sampler.update(range(200), [100.0] * 10 + [usual] * 190)
        assert sampler.weights()[:10].sum() / sampler.weights().sum() == pytest.approx(0.05)


def test_examples_that_are_not_learned_are_no_longer_drawn_more_often():
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
    with pytest.raises(ValueError, match=r"outlying must be in \(0, 1\) and patience at least 1, not 1 and 32"):
        ErrorWeighted(4, outlying=1)


def test_examples_with_an_unknown_error_are_drawn():
    sampler = ErrorWeighted(5)
    assert sampler.weights().tolist() == [1.0] * 5
    sampler.update(torch.tensor([0, 1, 2]), torch.tensor([0.1, 0.2, 0.3]))
    assert sampler.weights().tolist() == pytest.approx([0.1, 0.2, 0.3, 0.3, 0.3])
    sampler.update(range(5), [0.0] * 5)
    assert sampler.weights().tolist() == [1.0] * 5


def test_invalid_errors_are_rejected():
    sampler = ErrorWeighted(3)
    with pytest.raises(ValueError, match="finite numbers of at least 0"):
        sampler.update([0], [float("nan")])
    with pytest.raises(ValueError, match=r"errors must have shape \(2,\), not"):
        sampler.update([0, 1], [1.0])
    with pytest.raises(ValueError, match="the checkpoint is for 3 examples, not 4"):
        ErrorWeighted(4).load_state_dict(sampler.state_dict())


def batches(schedule, size=4, count=50, most=None):
    return GrowingBatches(Reshuffled(count), size, schedule, most)


def test_batches_grow_with_the_steps_and_contain_every_example():
    made = batches(Step(3, decay=2.0), most=16)
    assert len(made) == 7
    epoch = list(made)
    assert [len(batch) for batch in epoch] == [4, 4, 4, 8, 8, 8, 14]
    assert sorted(i for batch in epoch for i in batch) == list(range(50))
    assert [len(batch) for batch in made] == [16, 16, 16, 2]


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 60), st.floats(1.0, 1.5))
def test_the_length_is_the_number_of_batches_in_the_epoch(size, count, growth):
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


def test_growing_batches_work_in_a_loader():
    data = TensorDataset(torch.arange(50.0))
    loader = DataLoader(data, batch_sampler=batches(Step(3, decay=2.0)))
    assert torch.cat([x for (x,) in loader]).sort().values.tolist() == list(range(50))


def test_the_growth_of_batches_is_limited():
    made = batches(Step(1, decay=5), most=8)
    assert made.size(10_000) == 8
    with pytest.raises(ValueError, match="the schedule gives a batch size of inf at step 10000"):
        batches(Step(1, decay=5)).size(10_000)


def test_empty_batches_are_rejected():
    with pytest.raises(ValueError, match="batch_size must be at least 1, not 0"):
        batches(Constant(), size=0)
    with pytest.raises(ValueError, match="the schedule gives a batch size of 0.5 at step 25"):
        list(batches(Linear(50), size=1, count=200))


def test_a_stream_is_shuffled_through_a_buffer():
    shuffled = [int(i) for batch in DataLoader(Shuffler(Stream(), buffer_size=20), 8) for i in batch]
    assert sorted(shuffled) == list(range(50)) != shuffled
