"""Stragglers: one process of a group is slower, and all others wait for it in every step.

In synchronous training with P processes, a step takes max(t₁, …, t_P). If one process takes twice as long as the
others, they wait half of the time, and the throughput halves. The expected maximum also grows with P if all processes
are equal.
"""

from statistics import fmean, median

from descend.core.bound import Bound, Count
from descend.doctor.assess.process_times import LOCAL, WORTH, median_work_seconds, predicted_speedups, work_seconds
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedy_arguments.processes import (
    all_gradients_but_one,
    asynchronous_steps,
    shares_by_speed,
    steps_between_averages,
)
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Dean et al. 2012, §3: many machines wait for the single slowest one; Chen et al. 2016: backup workers"
SLOWER = Bound(
    1.5,
    "multiple of the seconds that the other processes take before the backward pass",
    "chosen: the slow process takes at least one and a half times as long as the others",
)
WAITED = Bound(0.2, "share of the duration of a step", "chosen: a shorter wait is not worth a change of the script")
LEAST = Count(5, "measurements of each rank", "chosen: the first few steps are always slow")

PROBLEM = Problem(
    id="stragglers",
    kind="dynamics",
    title="one process slows down all others",
    remedies=(
        RemedyEntry(
            "speed_shares",
            shares_by_speed,
            "divide each batch in proportion to the processes' speeds: {shown}",
            "all processes then take the same time",
            "Dean et al. 2012, §3",
            judged_on="time",
        ),
        RemedyEntry(
            "local_steps",
            steps_between_averages,
            "take {period} local steps between averages of the weights",
            "slow and fast steps then balance out",
            "torch.distributed.optim.PostLocalSGDOptimizer",
            cost=3,
            judged_on="time",
        ),
        RemedyEntry(
            "backup_workers",
            all_gradients_but_one,
            "take each step with the first {wanted} of {of} gradients",
            "no process waits for the slowest gradient",
            "Chen et al. 2016, §3",
            cost=3,
            judged_on="time",
        ),
        RemedyEntry(
            "asynchronous_steps",
            asynchronous_steps,
            "let each process take its own steps, with the weights in shared memory",
            "no process waits",
            "Niu et al. 2011, §3",
            cost=4,
            judged_on="time",
        ),
    ),
    advice="Check whether the slow process has more data, slower storage, another program on its machine or a weaker "
    "device. The gain of each remedy is predicted from the measured times. descend.parallel.Layout "
    "implements asynchronous steps.",
    example=CodeExample(
        faulty=(
            "for step, (inputs, targets) in enumerate(loader):\n"
            "    if rank == 0:\n"
            "        evaluate(model)  # the other ranks wait\n"
            "    loss = F.cross_entropy(model(inputs), targets)\n"
            "    optimizer.zero_grad()\n"
            "    loss.backward()\n"
            "    optimizer.step()"
        ),
        fixed=(
            "for step, (inputs, targets) in enumerate(loader):\n"
            "    if rank == 0 and step % 1000 == 0:\n"
            "        evaluate(model)\n"
            "    loss = F.cross_entropy(model(inputs), targets)\n"
            "    optimizer.zero_grad()\n"
            "    loss.backward()\n"
            "    optimizer.step()"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a process that takes far longer before its backward pass than the others, in every step or in some.

    If one rank is always the slowest, the finding is certain. If the slowest rank differs between steps, it is reported
    only if the predicted gain is large enough, and a trial must show whether a remedy helps.
    """
    times, own = work_seconds(record), median_work_seconds(record)
    if len(own) < 2 or min(map(len, times.values())) < LEAST:
        return None
    rank = max(own, key=lambda rank: own[rank])
    step = median(record.series("step_seconds", rank).values or [float("nan")])
    slow, usual = own[rank], median(seconds for other, seconds in own.items() if other != rank)
    always = slow > SLOWER * usual and slow - usual > WAITED * step
    said = f"rank {rank} takes {slow:.2g} s before its backward pass, the others {usual:.2g} s, so in each step of"
    if not always:
        rows = list(times.values())
        step = fmean(value for rank in own for value in record.series("step_seconds", rank).values or [float("nan")])
        slow, usual = fmean(map(max, zip(*rows))), fmean(map(fmean, rows))
        said = (
            f"the slowest rank, which differs between steps, takes {slow:.2g} s before its backward pass, an average "
        )
        said += f"rank {usual:.2g} s, so in an average step of"
    if not (slow > SLOWER * usual and slow - usual > WAITED * step):
        return None
    gains = predicted_speedups(record, step)
    if not (always or gains[LOCAL] >= WORTH):
        return None
    return Detection(
        certain=always,
        sentence=f"{said} {step:.2g} s the others wait. Predicted speed-up in examples per second: "
        + ", ".join(f"{name} {gain:.2g}" for name, gain in gains.items()),
        quantity="seconds before the backward pass / the other ranks' seconds",
        value=slow / usual if usual > 0 else float("inf"),
        bound=SLOWER,
        source=SOURCE,
        where=record.site(SiteKind.BACKWARD),
        evidence=tuple(("own_seconds", rank) for rank in own),
    )
