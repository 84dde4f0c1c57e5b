"""The predicted cost of a layout, against closed forms; and the measured link between two real processes."""

import json

import pytest

from descend.parallel.cost import BUCKET, Layer, Link, Machines, Work, choose_split_styles, forecast, layouts
from descend.parallel.layout import Layout

LINK = Link(bandwidth=1e6, latency=1e-3)
WIDE = Layer("wide", 0.01, 0.002, input_bytes=400, output_bytes=800, weight_bytes=8e5, outputs=200, follows=False)
DEEP = Layer("deep", 0.01, 0.001, input_bytes=800, output_bytes=40, weight_bytes=4e4, outputs=10)
WORK = Work((WIDE, DEEP), batch=64, kept=100.0, state=8.4e5)


def test_one_process_computes_and_sends_nothing() -> None:
    alone = forecast(WORK, Layout(), LINK)
    assert alone.seconds == pytest.approx(0.02 + 64 * 0.003) and alone.waiting == 0
    assert alone.memory == pytest.approx(3 * 8.4e5 + 6400)


def test_the_update_time_is_proportional_to_the_weights_of_a_process() -> None:
    slow = Work(WORK.layers, 64, update=1.0)
    assert forecast(slow, Layout(data=2), LINK).seconds == pytest.approx(
        1 + forecast(WORK, Layout(data=2), LINK).seconds
    )
    assert forecast(slow, Layout(tensor=2), LINK).seconds == pytest.approx(
        0.5 + forecast(WORK, Layout(tensor=2), LINK).seconds
    )


def test_the_ring_all_reduce_overlaps_with_the_backward_pass() -> None:
    found = forecast(WORK, Layout(data=4), LINK)
    sending = 2 * 3 * (8.4e5 / 4 / 1e6 + 1e-3)
    assert found.waiting == pytest.approx(sending)  # of one bucket: nothing of it can go before the pass is over
    assert found.seconds == pytest.approx(0.02 + 16 * 0.003 + sending)
    large = Work((Layer("large", 10.0, 0.0, 1, 1, 8 * BUCKET),), batch=4)
    fast = Link(1e9, 0.0)
    assert forecast(large, Layout(data=2), fast).waiting == pytest.approx(fast.all_reduce_seconds(BUCKET, 2))
    plain = Work(large.layers, 4, overlaps=False)
    assert forecast(plain, Layout(data=2), fast).waiting == pytest.approx(fast.all_reduce_seconds(8 * BUCKET, 2))


def test_a_split_layer_gathers_its_outputs_and_sums_its_inputs_gradients() -> None:
    found = forecast(WORK, Layout(tensor=2), LINK)
    wide = 64 * 800 / 2 / 1e6 + 1e-3  # its input is data and has no gradient
    deep = 64 * 40 / 2 / 1e6 + 1e-3 + 2 * (64 * 800 / 2 / 1e6 + 1e-3)
    assert found.waiting == pytest.approx(wide + deep)
    assert found.seconds == pytest.approx(0.02 + 32 * 0.003 + wide + deep)


def test_a_split_pair_communicates_only_the_sum_of_the_second_layer() -> None:
    paired = Layer(**{**vars(DEEP), "paired": True})
    assert choose_split_styles((WIDE, paired), 2) == ["first", "second"] and choose_split_styles((WIDE, DEEP), 2) == [
        "outputs",
        "outputs",
    ]
    assert choose_split_styles((WIDE, paired, paired), 4) == ["first", "second", ""] and choose_split_styles(
        (WIDE, paired), 1
    ) == ["", ""]
    found = forecast(Work((WIDE, paired), 64), Layout(tensor=2), LINK)
    assert found.waiting == pytest.approx(2 * (64 * 40 / 2 / 1e6 + 1e-3))


def test_a_pipeline_fills_and_empties() -> None:
    even = Work((Layer("a", 0, 0.01, 10, 10, 100), Layer("b", 0, 0.01, 10, 10, 100)), 8)
    free = Link(1e30, 0.0)
    found = forecast(even, Layout(pipeline=2, micro_batches=4), free)
    assert found.seconds == pytest.approx((4 + 2 - 1) / 4 * 8 * 0.01)
    slow = forecast(even, Layout(pipeline=2, micro_batches=4), Link(1e3, 0.0))
    assert slow.seconds - found.seconds == pytest.approx(5 * 2 * (10 * 2 / 1e3))


def test_fewer_examples_than_a_granule_take_the_same_time() -> None:
    coarse = Work(WORK.layers, 256, granule=128)
    half, quarter = (forecast(coarse, Layout(data=n), Link(1e30, 0.0)).seconds for n in (2, 4))
    assert half == quarter == pytest.approx(0.02 + 128 * 0.003)


@pytest.mark.parametrize(
    ("layout", "says"),
    [
        (Layout(data=65), "a batch of 64 examples is too small"),
        (Layout(data=32, pipeline=2), "a batch of 64 examples is too small"),
        (Layout(pipeline=3), "2 layers cannot be divided into 3 stages"),
        (Layout(tensor=7), "no layer can be split into 7 parts"),
    ],
)
def test_an_impossible_layout_is_rejected(layout, says) -> None:
    with pytest.raises(ValueError, match=says):
        forecast(WORK, layout, LINK)


def test_every_layout_of_a_number_of_processes_occurs_once() -> None:
    found = list(layouts(4))
    assert len(set(found)) == len(found) == 5 and {layout.world for layout in found} == {4}
    assert list(layouts(1)) == [Layout()]


@pytest.mark.slow
def test_the_link_between_two_processes_is_measured(ranks) -> None:
    ended = ranks("../../../src/descend/parallel/link.py", 2)
    found = json.loads(ended.stdout.splitlines()[-1])
    assert 1e6 < found["bandwidth"] < 1e12 and 0 < found["latency"] < 0.1


WITHIN, BETWEEN = Link(1e9, 1e-6), Link(1e7, 1e-3)


def test_a_group_on_one_machine_uses_the_link_within_it():
    machines = Machines(WITHIN, BETWEEN, 4)
    for layout in (Layout(tensor=2), Layout(data=4), Layout(pipeline=2), Layout(data=2, tensor=2)):
        assert forecast(WORK, layout, machines) == forecast(WORK, layout, WITHIN)


def test_groups_across_machines_share_the_link_between_them():
    machines = Machines(WITHIN, BETWEEN, 2)
    assert machines.across_groups(4, 1) == BETWEEN == machines.within_group(4)
    assert machines.across_groups(2, 2) == Link(BETWEEN.bandwidth / 2, BETWEEN.latency)
    assert forecast(WORK, Layout(data=4), machines) == forecast(WORK, Layout(data=4), BETWEEN)
    mixed = forecast(WORK, Layout(data=2, tensor=2), machines)
    assert forecast(WORK, Layout(data=2, tensor=2), WITHIN).seconds < mixed.seconds


def test_a_mixed_layout_wins_where_only_the_link_between_machines_is_slow():
    layer = Layer("a", 0.0, 1e-3, 4e5, 4e5, 4e6, 64)
    work = Work((layer, layer), 256, granule=128)  # Fewer than 128 examples take as long as 128.
    machines = Machines(Link(1e11, 1e-6), Link(2e9, 1e-5), 2)
    seconds = {
        name: forecast(work, layout, machines).seconds
        for name, layout in {
            "data": Layout(data=4),
            "tensor": Layout(tensor=4),
            "both": Layout(data=2, tensor=2),
        }.items()
    }
    assert seconds["both"] < min(seconds["data"], seconds["tensor"])
