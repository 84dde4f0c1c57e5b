"""The choices that are compared for a script: the requested ones, or a few that fit the script.

Without a request, a few choices suffice: the best of a few tuned optimizers is about as good as that of many
(Schmidt et al. 2021, arXiv:2007.01547).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from descend.core.errors import UsageError
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.compare.choice import Choice, Dimension, Values
from descend.doctor.compare.known_optimizers import OPTIMIZERS, KnownOptimizer, find_optimizer
from descend.doctor.compare.next_values import middle
from descend.doctor.compare.own_optimizer import OwnOptimizer, learning_rate_limits, own_optimizer
from descend.doctor.compare.recipe import Recipe
from descend.doctor.compare.requested import Requested
from descend.doctor.compare.schedule_choices import CONSTANT, LINEAR, find_schedule
from descend.doctor.compare.varied_setting import LR, VariedSetting, vary_setting
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.script.run_names import EndReason
from descend.doctor.script.script import Script

MOST_CHOICES = 24  # largest number of choices, so that a mistyped list does not start hundreds of runs
ADAPTIVE = frozenset({"Adam", "AdamW"})  # optimizers that make AdamW superfluous in the default field
WITHOUT_EFFECT = "an edit of {} changes nothing in the script"


def make_choices(script: Script, record: Record, requested: Requested) -> tuple[list[Choice], list[str]]:
    """Return the compared choices, and messages about the settings that cannot be varied in this script.

    The first choice is the script's own optimizer, whose learning rate is searched, unless that cannot be edited. Each
    edit is made once, so the returned choices are possible. Raises `UsageError` if a setting does not exist, if the
    lists make too many choices, or if none of the requested choices is possible.
    """
    own = own_optimizer(record)
    messages = _several_optimizers_messages(record, own)
    settings = [(vary_setting(script, record, own, entry), entry) for entry in requested.settings]
    searched = {s: s.dimension(entry.limits) for s, entry in settings if entry.limits is not None}
    lists = [[(s, text) for text in entry.values] for s, entry in settings if entry.limits is None]
    base = Recipe(record, own, searched=searched)
    is_requested = not replace(requested, find_lr=False).is_empty
    asked = _product(base, requested, lists)
    asked_labels: set[str] = set()
    choices: dict[str, Choice] = {}
    refused: dict[str, tuple[Choice, str]] = {}  # label -> choice that cannot be made, and the reason
    schedules: set[str] = set()  # schedules of the choices that can be made
    for whole in [*([base] if is_requested else _default_recipes(base)), *asked]:
        recipe = _without_present_values(whole, record)
        unknown = [s for s in (*recipe.searched, *recipe.points) if not recipe.has_setting(s)]
        messages += [f"{recipe.label} has no {s.name}, so it is not varied there" for s in unknown]
        recipe, not_varied = _with_possible_settings(_without_settings(recipe, unknown), script)
        messages += not_varied
        choice = make_choice(recipe)
        if whole in asked:
            asked_labels.add(choice.label)
        if choice.label in (*choices, *refused):
            continue
        if reason := _obstacle_message(choice, script):
            refused[choice.label] = choice, reason
        else:
            choices[choice.label] = choice
            schedules.add(recipe.schedule)
    if is_requested and choices and asked_labels.isdisjoint(choices):
        raise UsageError(f"none of the requested choices can be compared: {'; '.join(_left_out_messages(refused))}")
    messages += _left_out_messages(refused)
    if schedules - {"", CONSTANT}:
        messages += _horizon_messages(record)
    return list(choices.values()), list(dict.fromkeys(messages))


def _left_out_messages(refused: Mapping[str, tuple[Choice, str]]) -> list[str]:
    """Return for each reason which choices are left out for it."""
    labels: dict[str, list[str]] = {}
    for label, (choice, reason) in refused.items():
        change = " with another learning rate" if choice.keeps_optimizer else ""
        labels.setdefault(reason, []).append(f"{label}{change}")
    return [
        f"{', '.join(each)} {'is' if len(each) == 1 else 'are'} left out: {reason}" for reason, each in labels.items()
    ]


def _without_settings(recipe: Recipe, settings: Sequence[VariedSetting]) -> Recipe:
    """Return a recipe that does not vary some of its settings."""
    searched = {setting: dimension for setting, dimension in recipe.searched.items() if setting not in settings}
    return replace(recipe, searched=searched, points={s: t for s, t in recipe.points.items() if s not in settings})


def _with_possible_settings(recipe: Recipe, script: Script) -> tuple[Recipe, list[str]]:
    """Return a recipe without the searched settings that cannot be edited, and a message for each of them."""
    messages: list[str] = []
    if not recipe.searched or not _obstacle_message(make_choice(recipe), script):
        return recipe, messages
    alone = _without_settings(recipe, list(recipe.searched))
    if _obstacle_message(make_choice(alone), script):
        return recipe, messages  # The whole choice is left out for another reason.
    kept = {}
    for setting, dimension in recipe.searched.items():
        if reason := _obstacle_message(make_choice(replace(alone, searched={setting: dimension})), script):
            messages.append(f"{setting.name} is not varied for {alone.label}: {reason}")
        else:
            kept[setting] = dimension
    return replace(recipe, searched=kept), messages


def _horizon_messages(record: Record) -> list[str]:
    """Return a warning that the schedules end before the script does, if only its first steps are compared."""
    if record.ending is None or record.ending.reason != EndReason.WINDOW:
        return []
    return [f"the schedules last for the {record.steps} steps that are compared, not for the whole script"]


def _several_optimizers_messages(record: Record, own: OwnOptimizer) -> list[str]:
    """Return a warning that only one of several optimizers is varied; an empty list for a single optimizer."""
    known = record.every(facts.Optimizer)
    if len(known) < 2:
        return []
    site = record.site(SiteKind.OPTIMIZER, own.key)
    place = f" of line {site.line}" if site is not None else ""
    return [f"the script has {len(known)} optimizers; only the {own.rule}{place}, the largest one, is varied"]


def _default_recipes(base: Recipe) -> list[Recipe]:
    """Return the default choices: the script's own optimizer, SGD with momentum, AdamW, and a linear decay.

    An optimizer that the script uses already is left out, and so is the decay if the script has a schedule.
    """
    own = base.own
    momentum, adamw = OPTIMIZERS["Momentum"], OPTIMIZERS["AdamW"]
    others = [] if own.is_variant(momentum) and own.settings.get("momentum") else [replace(base, optimizer=momentum)]
    others += [] if own.rule in ADAPTIVE else [replace(base, optimizer=adamw)]
    return [base, *others, *([] if own.has_schedule else [replace(base, schedule=LINEAR)])]


def _product(base: Recipe, requested: Requested, lists: Sequence[Sequence[tuple[VariedSetting, str]]]) -> list[Recipe]:
    """Return every combination of the requested lists. Raises `UsageError` if there are too many."""
    optimizers: list[KnownOptimizer | None] = [*map(find_optimizer, requested.optimizers)] or [None]
    schedules = [*map(find_schedule, requested.schedules)] or [""]
    initialisers, clips = requested.initialisers or ("",), requested.clip or (None,)
    combined = list(product(product(optimizers, schedules, initialisers, clips), product(*lists)))
    if len(combined) > MOST_CHOICES:
        raise UsageError(
            f"the lists make {len(combined)} choices, and at most {MOST_CHOICES} can be compared: shorten a list"
        )
    return [
        replace(base, optimizer=optimizer, schedule=schedule, initialiser=initialiser, clip=clip, points=dict(points))
        for (optimizer, schedule, initialiser, clip), points in combined
    ]


def _without_present_values(recipe: Recipe, record: Record) -> Recipe:
    """Return a recipe without the parts that the script already has, so that the script's own choice is recognised."""
    own, clip = recipe.own, record.fact(facts.Clip)
    optimizer = recipe.optimizer
    if optimizer is not None and own.is_variant(optimizer) and not own.missing_settings(optimizer):
        optimizer = None
    threshold = clip.limit if clip is not None else float("inf")
    return replace(
        recipe,
        optimizer=optimizer,
        schedule="" if recipe.schedule == CONSTANT and not own.has_schedule else recipe.schedule,
        clip=None if recipe.clip == threshold else recipe.clip,
        points={s: text for s, text in recipe.points.items() if optimizer is not None or not s.is_present(text)},
    )


def make_choice(recipe: Recipe) -> Choice:
    """Return the choice of a recipe, with the learning rate among its dimensions unless the user has set it."""
    own, new = recipe.own, recipe.optimizer
    known = new or own.known
    is_same_class = new is None or own.is_variant(new)
    usual = known.lr if known is not None else own.lr
    given = {s.argument: d for s, d in recipe.searched.items()}
    is_set = any(s.argument == LR for s in recipe.points)
    dimensions = [d for d in recipe.searched.values() if d.name != LR]
    if LR in given:
        dimensions.insert(0, given[LR])
    elif not is_set and usual > 0:
        limits = learning_rate_limits(usual, own.lr if is_same_class else 0.0)
        dimensions.insert(0, Dimension(LR, *limits, is_open=True))
    present = {s.name: s.number for s in recipe.searched} | {LR: own.lr if is_same_class and own.lr > 0 else usual}
    first = {d.name: _inside(present.get(d.name), d) for d in dimensions}
    starts: list[Values] = [first]
    if LR in first and _inside(usual, dimensions[0]) != first[LR]:
        starts.append({**first, LR: _inside(usual, dimensions[0])})
    return Choice(
        recipe.label,
        recipe.edit,
        tuple(dimensions),
        tuple(starts),
        recipe.family,
        recipe.fixed,
        keeps_optimizer=recipe.keeps_optimizer,
        needs=new.needs if new is not None and not is_same_class else "",
    )


def _inside(value: float | None, dimension: Dimension) -> float:
    """Return a value if it is between the limits of a dimension, otherwise the middle between the limits."""
    return value if value is not None and dimension.low <= value <= dimension.high else middle(dimension)


def _obstacle_message(choice: Choice, script: Script) -> str:
    """Return why a choice's edit cannot be made, or has no effect; "" if it can be made.

    The edit is made at the first values of the search, and once with another value of each dimension.
    """
    if choice.keeps_optimizer and not choice.dimensions and LR not in choice.fixed:
        return "its learning rate is unknown"
    try:
        first = choice.edit(script, choice.starts[0])
        for dimension in choice.dimensions:
            value = choice.starts[0][dimension.name]
            other = dimension.high if value != dimension.high else dimension.low
            if choice.edit(script, {**choice.starts[0], dimension.name: other}).edits == first.edits:
                return WITHOUT_EFFECT.format(dimension.name)
    except NotApplicable as refused:
        return refused.reason
    return ""
