"""Evaluation mode left on: dropout and batch normalisation are switched off during training."""

from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign

SOURCE = (
    "torch.nn.Module.eval: switches dropout off and normalisation to its running statistics until train() is called"
)


def eval_mode(record: Record) -> Sign | None:
    """Switches that were on at first and are off in training later, or statistics that were never fitted."""
    seen = record.history(facts.Modes)
    later = [modes for modes in seen if modes.step > 0]
    if not later or not later[-1].fact.evaluation:
        return None
    last, names, unfit = later[-1], later[-1].fact.evaluation, later[-1].fact.unfit
    if unfit:
        sentence = (
            f"{unfit[0]} normalises by running statistics that were never fitted: the model is in evaluation mode "
            "throughout its training"
        )
        return _symptom(record, sentence, len(names))
    since = next((modes.step for modes in seen if modes.fact.evaluation), last.step)
    if seen[0].fact.evaluation or any(not modes.fact.evaluation for modes in later if modes.step > since):
        return None
    sentence = (
        f"{', '.join(names[:3])} {'is' if len(names) == 1 else 'are'} in evaluation mode while training since step "
        f"{since} at the latest: eval() was called and train() was not"
    )
    return _symptom(record, sentence, len(names))


def _symptom(record: Record, sentence: str, count: int) -> Sign:
    return Sign(
        certain=True,
        sentence=sentence,
        quantity="modules in evaluation mode",
        value=float(count),
        bound=0.0,
        source=SOURCE,
        where=record.site("model_call", "0") or record.site("model_call"),
        evidence=(("loss", "0"), ("evaluation_loss", record.held_out_place())),
    )
