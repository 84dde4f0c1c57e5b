"""Parse the metrics in printed lines, with the direction that is better: `test acc 0.93`, `val_loss=0.4`.

Only names with a known direction are read: a loss, an error or a perplexity falls; an accuracy or a reward rises. The
direction of a name that only says on which data it is measured (`val 0.43`) stays open. The words are names of metrics
in torchmetrics and scikit-learn, distances in SciPy, and common names in scripts.
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
# The best value of these metrics is 1, or 100 in percent.
SHARES = frozenset(
    "accuracy acc r2 auc auroc auprc ap map f1 precision recall sensitivity specificity rouge iou miou jaccard dice "
    "pck ndcg mrr hit hits hr1 hr5 hr10 hr20 hr50 hr100 ctr match matches correlation corr pearson spearman kendall "
    "kappa mcc success ssim right rightly agreement concordance cindex solved wins winrate purity nmi ari explained "
    "skill d2 top1 top5".split()
)
# With one of these words, a larger value is better even for a loss or an error, as in `explained deviance`.
OF_WHAT_FALLS = frozenset("explained skill".split())
# These words count as metrics only if the name says on which data they are measured, as in `test correlation`.
BARE = frozenset("correlation corr".split())
RISING = SHARES | frozenset(
    "reward rewards return returns score bleu chrf likelihood loglik logprob elbo psnr sdr snr".split()
)
# A script may minimise these metrics directly.
LOSSES = frozenset(
    "loss losses cost bce ce bits bpb bpc bpd mse nll kl kld elbo likelihood loglik logprob objective".split()
)
HELD_OUT = frozenset("test val valid validation eval evaluation heldout held dev unseen".split())
TRAINING = frozenset("train training running batch".split())
LONGEST = 400  # Only this many characters of a line are read, because longer lines are tables or samples.
_NUMBER = re.compile(
    r"(?<![\w.@^+\-])(?P<value>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf|nan)"
    r"(?:\s?/\s?(?P<of>\d+(?:\.\d+)?))?(?![\w@]|-[A-Za-z]|\.\d)"
)
_ASIDE = re.compile(r"\([^()]*\)(?=\s*[:=])")  # a remark in a name, as in `mean return (last 50): 12.3`
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_BREAKS = re.compile(r"[:=,;|()\[\]{}#>*\"'\t]+|\s[-–—]+\s")
_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class LoggedMetric:
    """A number in a line that the script has printed, with its name.

    rises, is_held_out: None if the name does not say it. is_share: whether the best value is 1 or 100 percent.
    """

    name: str
    value: float
    rises: bool | None
    is_share: bool
    is_loss: bool
    is_held_out: bool | None


def parse_metrics(line: str) -> Iterator[LoggedMetric]:
    """Yield the metrics in a printed line: numbers whose names say which direction is better, or on which data."""
    line, end, of_data = _ASIDE.sub("", _COLOURS.sub("", line))[:LONGEST], 0, ""
    for found in _NUMBER.finditer(line):
        if _is_cut_off(line, found):
            continue
        pieces = [piece.strip() for piece in _BREAKS.split(line[end : found.start()]) if piece.strip()]
        end = found.end()
        # In `train loss 0.5 acc 0.8 | test loss 0.6 acc 0.7`, the word `train` also applies to the first `acc`.
        for piece in pieces:
            of_data = next((word for word in _metric_words(piece) if word in HELD_OUT | TRAINING), of_data)
        number = _logged_metric(pieces[-1], of_data, _matched_value(found)) if pieces else None
        if number is not None:
            yield number


def _is_cut_off(line: str, number: re.Match[str]) -> bool:
    """Return whether a number belongs to the name of the next one: the 5 of `recall at 5: 0.98`."""
    is_whole = number["value"].isdigit() and not number["of"]
    return is_whole and line[: number.start()].endswith(" at ") and _NUMBER.search(line, number.end()) is not None


def _logged_metric(piece: str, of_data: str, value: float) -> LoggedMetric | None:
    """Return the metric named `piece`; None if its name says neither which direction is better nor on which data."""
    words = _metric_words(piece)
    falls, rises = (not known.isdisjoint(words) for known in (FALLING, RISING - (frozenset() if of_data else BARE)))
    falls = falls and OF_WHAT_FALLS.isdisjoint(words)
    is_known = falls or rises
    if not is_known and not (words and HELD_OUT.issuperset(words)):
        return None
    is_named = not (HELD_OUT | TRAINING).isdisjoint(words)
    name = piece if is_named or not of_data else f"{of_data} {piece}"
    kind = None if not of_data else of_data in HELD_OUT
    is_share, is_loss = not falls and not SHARES.isdisjoint(words), not LOSSES.isdisjoint(words)
    better = not falls if is_known else None
    return LoggedMetric(" ".join(name.lower().split()), value, better, is_share, is_loss, kind)


def _metric_words(piece: str) -> list[str]:
    """Return the words of a name, and each two adjacent words as one, such as `cindex` for `c-index`."""
    words = _WORDS.findall(piece.lower().replace("²", "2").replace("^2", "2"))
    return [*words, *map("".join, zip(words, words[1:]))]


def _matched_value(found: re.Match[str]) -> float:
    """Return the value of a matched number or ratio, such as 0.9 for `45/50`."""
    of = float(found["of"] or 1)
    return float(found["value"]) / of if of else float("nan")
