"""What goes wrong over the steps: the valley that they come through, and how the run ends."""

from descend.doctor.canon.entry import Entry, Row
from descend.doctor.canon.in_place import IN_PLACE
from descend.doctor.canon.phrases import (
    ADAM,
    ADAM_AT,
    ADAM_COST,
    FEW_STEPS,
    FIXED,
    INIT,
    NORMALISED,
    RESCALED,
    SCALE,
    SCALES,
    TO,
    VARIANCE,
    WHITE,
    WITHOUT,
)
from descend.doctor.doses import (
    adam,
    another_start,
    as_they_come,
    batch_norm,
    between_averages,
    by_speed,
    following_activation,
    gentle_rate,
    half_rate,
    larger_batch,
    longer,
    longer_and_faster,
    longer_rate,
    momentum,
    nothing_to_dose,
    on_the_way,
    short_run_rate,
    smaller_batch,
    tenth_rate,
    until_least,
    whole_run,
    without_the_last,
)
from descend.doctor.record import facts

BATCH = "batch size {old:g} → {batch_size}"
STARTS = 4  # random ones: where half of them end well, one in sixteen times none does

PROGRESS: tuple[Entry, ...] = (
    Entry("oscillation", "dynamics", "the steps oscillate", (
        Row("learning_rate", half_rate, TO, "the error along λmax then shrinks instead of changing sides",
            "Ba, CSC413 lecture 4, Recap: oscillations", cost=1),
    )),
    Entry("saddle_point", "dynamics", "the run starts near a saddle point", (
        IN_PLACE,
        Row("reinitialise", following_activation, "initialise for {activation} (Kaiming or Xavier)",
            "away from the saddle the gradient is not small", "Ba, CSC413 lecture 4, Saddle points"),
        Row("optimizer_argument", momentum, "momentum {value:g}",
            "small steps that agree add up along the way out", "Ba, CSC413 lecture 4, Momentum", cost=1),
        Row("adaptive_rule", adam, ADAM_AT, RESCALED, ADAM, cost=ADAM_COST),
    ), frozenset({"correlated_inputs", "ill_conditioned_curvature", "slow_progress", "plateau", "stopped_too_early"})),
    Entry("correlated_inputs", "statics", "inputs are correlated", (
        Row("whiten_data", nothing_to_dose, "whiten inputs where they are made", WHITE, "LeCun et al. 1998, §4.3"),
        Row("whiten_inputs", nothing_to_dose, "whiten inputs", WHITE, "LeCun et al. 1998, §4.3", cost=3),
        Row("optimizer_argument", momentum, "momentum {value:g}",
            "along the ravine the steps add up", "Ba, CSC413 lecture 4, Momentum", decides=False, cost=1),
        Row("adaptive_rule", adam, ADAM_AT, RESCALED, ADAM, decides=False, cost=ADAM_COST),
    ), frozenset({"ill_conditioned_curvature", "slow_progress", "plateau", "stopped_too_early"})),
    Entry("covariate_shift", "dynamics", "layer inputs drift during training", (
        Row("learning_rate", gentle_rate, TO, "the layers then follow each other",
            "Ioffe & Szegedy 2015, §1",
            cost=1),
        Row("insert_normalisation", batch_norm, NORMALISED, FIXED, "Ioffe & Szegedy 2015, §1", cost=3),
        Row("adaptive_rule", adam, ADAM_AT, RESCALED, ADAM, cost=ADAM_COST),
    ), frozenset({"ill_conditioned_curvature", "slow_progress"})),
    Entry("ill_conditioned_curvature", "dynamics", "the curvature is ill-conditioned", (
        Row("optimizer_argument", momentum, "momentum {value:g}",
            "along the ravine the steps add up", "Ba, CSC413 lecture 4, Momentum", cost=1),
        Row("adaptive_rule", adam, ADAM_AT, RESCALED, ADAM, cost=ADAM_COST),
    ), frozenset({"slow_progress", "stopped_too_early"})),
    Entry("slow_progress", "dynamics", "progress is slow", (
        *(Row("skip_call", on_the_way(facts.OfLoss, "skip", number), WITHOUT, *SCALE, cost=1)
          for number in range(SCALES)),
        Row("learning_rate", longer_rate, TO,
            "half of the stability bound is fastest along the steepest direction",
            "Ba, CSC413 lecture 4, Recap: slow progress", cost=1),
        Row("learning_rate", short_run_rate, TO,
            FEW_STEPS, "Kingma & Ba 2015, §2.1", cost=1),
        Row("training_length+learning_rate", longer_and_faster, "{times} times as many passes, " + TO,
            FEW_STEPS, "Kingma & Ba 2015, §2.1"),
        Row("optimizer_argument", momentum, "momentum {value:g}",
            "steps that agree add up to 1/(1−μ) times the length", "Ba, CSC413 lecture 4, Momentum", cost=1),
        Row("adaptive_rule", adam, ADAM_AT, RESCALED, ADAM, cost=ADAM_COST),
    ), frozenset({"plateau", "stopped_too_early"})),
    Entry("plateau", "dynamics", "training is on a plateau", (
        Row("optimizer_argument", momentum, "momentum {value:g}",
            "small steps that agree add up", "Ba, CSC413 lecture 4, Momentum", cost=1),
        Row("adaptive_rule", adam, ADAM_AT, RESCALED, ADAM, cost=ADAM_COST),
        IN_PLACE,
        Row("reinitialise", following_activation, "initialise for {activation} (Kaiming or Xavier)", VARIANCE,
            INIT),
    ), frozenset({"stopped_too_early"})),
    Entry("fluctuations", "dynamics", "gradient noise hides the progress", (
        Row("linear_schedule", whole_run, "bring the rate down to 0 over the run",
            "the noise floor is proportional to the rate", "Bottou et al. 2018, §4"),
        Row("learning_rate", tenth_rate, TO, "the noise floor is proportional to the rate",
            "Bottou et al. 2018, §4", decides=False, cost=1),
        Row("batch_size", larger_batch, BATCH,
            "the mean of more gradients has less noise", "Bottou et al. 2018, §4.2", decides=False, cost=1),
    )),
    Entry("local_optima", "dynamics", "the result depends on the initialisation", (
        *(Row("another_start", another_start(draw), "another start, draw {draw}",
              "another start may end in a better minimum", "Ba, CSC413 lecture 4, Recap: local optima", restart=True)
          for draw in range(1, STARTS + 1)),
    )),
    Entry("overfitting", "dynamics", "the model memorises its training data", (
        Row("training_length", until_least, "stop after {steps} of {of} steps",
            "the held-out loss is least before the network has learnt its examples by heart",
            "Prechelt 1998, Early stopping – but when?", cost=1, judged_on="held_out"),
    ), advice="More data, augmentation, weight decay and dropout help, too, and often more than an early stop does."),
    Entry("stragglers", "dynamics", "one process slows down all others", (
        Row("speed_shares", by_speed, "shares of each batch by the processes' speeds: {shown}",
            "each then takes as long as the others", "Dean et al. 2012, §3", judged_on="time"),
        Row("local_steps", between_averages, "{period} local steps between two averages of the weights",
            "what is slow in one step is made up for in the next ones", "torch.distributed.optim.PostLocalSGDOptimizer",
            cost=3, judged_on="time"),
        Row("backup_workers", without_the_last, "steps of the first {wanted} of {of} gradients that come",
            "the slowest of each step is not waited for", "Chen et al. 2016, §3", cost=3, judged_on="time"),
        Row("asynchronous_steps", as_they_come, "each process steps as it comes, on weights in shared memory",
            "nobody waits", "Niu et al. 2011, §3", cost=4, judged_on="time"),
    ), advice=(
        "Look for uneven shares of the data, slower storage, another program on its machine, a weaker device. "
        "What each scheme would gain is foretold from the measured times; descend.parallel.Layout has the "
        "asynchronous ones."
    )),
    Entry("batch_size", "dynamics", "the batch size leaves too few steps", (
        Row("batch_size", smaller_batch, BATCH,
            "as many examples then make many more steps", "McCandlish et al. 2018, §2.2", cost=1),
    ), frozenset({"stopped_too_early"})),
    Entry("stopped_too_early", "dynamics", "the run stopped too early", (
        Row("training_length", longer, "{times} times as many passes", "it is still learning",
            "Ba, CSC413 lecture 4, Training Curves", cost=1),
    )),
)  # fmt: skip
