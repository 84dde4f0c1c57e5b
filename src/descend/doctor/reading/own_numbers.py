"""The numbers that a script prints by name, and which way each of them is better: `test acc 0.93`, `val_loss=0.4`.

Only names that say their direction are read: a loss, an error, a perplexity falls; an accuracy, a reward rises. A name
that says on what it is measured and no more (`val 0.43`) may be either: which, is for what was observed to say. The
words are those by which the field names its measures (the metrics of torchmetrics and scikit-learn, with their
directions; the distances of SciPy), and what scripts call them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

FALLING = frozenset(
    "loss losses error errors err nll perplexity ppl mse rmse nrmse rse mae medae mape smape wape mase msle rmsle "
    "pinball crps cost deviance distance divergence kl kld bce ce bits bpb bpc bpd regret residual negative neg minus "
    "wer cer eer brier ece hamming fid lpips wasserstein emd mmd chamfer hausdorff epe ade fde mpjpe discrepancy gap "
    "violation violations".split()
)
SHARES = frozenset(
    "accuracy acc r2 auc auroc auprc ap map f1 precision recall sensitivity specificity rouge iou miou jaccard dice "
    "pck ndcg mrr hit hits hr1 hr5 hr10 hr20 hr50 hr100 ctr match matches correlation corr pearson spearman kendall "
    "kappa mcc success ssim right rightly agreement concordance cindex solved wins winrate purity nmi ari explained "
    "skill d2 top1 top5".split()
)  # what is at most 1, or 100 where it is printed in percent
OF_WHAT_FALLS = frozenset("explained skill".split())  # a share of it, as in `explained deviance`: the more the better
BARE = frozenset("correlation corr".split())  # of what is drawn, perhaps, where nothing says on what it is measured
RISING = SHARES | frozenset(
    "reward rewards return returns score bleu chrf likelihood loglik logprob elbo psnr sdr snr".split()
)
LOSSES = frozenset(
    "loss losses cost bce ce bits bpb bpc bpd mse nll kl kld elbo likelihood loglik logprob objective".split()
)  # what may be minimised itself
HELD_OUT = frozenset("test val valid validation eval evaluation heldout held dev unseen".split())
TRAINING = frozenset("train training running batch".split())
LONGEST = 400  # characters of a line that is read: what is longer is a table or a sample
_NUMBER = re.compile(
    r"(?<![\w.@^+\-])(?P<value>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf|nan)"
    r"(?:\s?/\s?(?P<of>\d+(?:\.\d+)?))?(?![\w@]|-[A-Za-z]|\.\d)"
)
_ASIDE = re.compile(r"\([^()]*\)(?=\s*[:=])")  # as in `mean return (last 50): 12.3`
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_BREAKS = re.compile(r"[:=,;|()\[\]{}#>*\"'\t]+|\s[-–—]+\s")
_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class OwnNumber:
    """One number of a line that says its name.

    rises, is_held_out: None where the name does not tell. is_share: of what is best, it is 1, or 100.
    """

    name: str
    value: float
    rises: bool | None
    is_share: bool
    is_loss: bool
    is_held_out: bool | None


def own_numbers(line: str) -> Iterator[OwnNumber]:
    """Yield the numbers of a line whose names say which way is better, or on what data they are measured."""
    line, end, of_data = _ASIDE.sub("", _COLOURS.sub("", line))[:LONGEST], 0, ""
    for found in _NUMBER.finditer(line):
        pieces = [piece.strip() for piece in _BREAKS.split(line[end : found.start()]) if piece.strip()]
        end = found.end()
        for piece in pieces:  # `train loss 0.5 acc 0.8 | test loss 0.6 acc 0.7`: the word holds for what follows
            of_data = next((word for word in _words(piece) if word in HELD_OUT | TRAINING), of_data)
        number = _named(pieces[-1], of_data, _value(found)) if pieces else None
        if number is not None:
            yield number


def _named(piece: str, of_data: str, value: float) -> OwnNumber | None:
    words = _words(piece)
    falls, rises = (not known.isdisjoint(words) for known in (FALLING, RISING - (frozenset() if of_data else BARE)))
    falls = falls and OF_WHAT_FALLS.isdisjoint(words)
    is_known = falls or rises
    if not is_known and not (words and HELD_OUT.issuperset(words)):
        return None
    is_told = not (HELD_OUT | TRAINING).isdisjoint(words)
    name = piece if is_told or not of_data else f"{of_data} {piece}"
    kind = None if not of_data else of_data in HELD_OUT
    is_share, is_loss = not falls and not SHARES.isdisjoint(words), not LOSSES.isdisjoint(words)
    better = not falls if is_known else None
    return OwnNumber(" ".join(name.lower().split()), value, better, is_share, is_loss, kind)


def _words(piece: str) -> list[str]:
    """Return the words of a name, and each two neighbours as one: `c-index` is one word of the field's."""
    words = _WORDS.findall(piece.lower().replace("²", "2").replace("^2", "2"))
    return [*words, *map("".join, zip(words, words[1:]))]


def _value(found: re.Match[str]) -> float:
    of = float(found["of"] or 1)
    return float(found["value"]) / of if of else float("nan")
