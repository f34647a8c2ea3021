"""What is known of benchmark metrics by their names: which way is better, on what scale, and whether below 0 exists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["KNOWN", "Metric", "Scale", "described"]


class Scale(StrEnum):
    """What a score is written in.

    Attributes:
        COUNTED: a share of items that are right or wrong, which some programs write in percent.
        SHARE: from 0 to 1, or in percent, of items that may be right in part.
        PERCENT: from 0 to 100.
        OWN: in a unit of its own.
    """

    COUNTED = "counted"
    SHARE = "share"
    PERCENT = "percent"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric's name says.

    Attributes:
        higher_is_better: None for a metric that is not known.
        scale: see `Scale`.
        below_zero: whether it can be negative, so that a share of it means nothing.
    """

    higher_is_better: bool | None = None
    scale: Scale = Scale.OWN
    below_zero: bool = False


_COUNTED = Metric(higher_is_better=True, scale=Scale.COUNTED)
_SHARE = Metric(higher_is_better=True, scale=Scale.SHARE)
_PERCENT = Metric(higher_is_better=True, scale=Scale.PERCENT)
_LOSS = Metric(higher_is_better=False)
_RATE = Metric(higher_is_better=False, scale=Scale.SHARE)
_CORRELATION = Metric(higher_is_better=True, below_zero=True)

KNOWN: dict[str, Metric] = {
    **dict.fromkeys(
        (
            "acc", "acc_norm", "acc_bytes", "acc_mutual_info", "acc_norm_nosys", "accuracy", "exact", "exact_match",
            "em", "quasi_exact_match", "prefix_exact_match", "quasi_prefix_exact_match", "pass@1", "pass_at_1",
            "inst_level_strict_acc", "inst_level_loose_acc", "prompt_level_strict_acc", "prompt_level_loose_acc",
            "ifeval_strict_accuracy", "hasans_exact", "noans_exact", "contains",
        ),
        _COUNTED,
    ),
    **dict.fromkeys(
        (
            "f1", "f1_score", "macro_f1", "micro_f1", "classification_macro_f1", "classification_micro_f1", "best_f1",
            "hasans_f1", "noans_f1", "mc1", "mc2", "bleu_acc", "rouge1_acc", "rouge_1", "rouge_2", "rouge_l", "bleu_1",
            "bleu_4", "precision", "recall", "auc", "auroc", "roc_auc", "balanced_accuracy", "bertscore", "bert_score",
            "ndcg@10", "rr@10", "ndcg_cut_10", "mrr", "iou", "pass@k", "win_rate",
        ),
        _SHARE,
    ),
    **dict.fromkeys(("bleu", "chrf", "rouge1", "rouge2", "rougel", "rougelsum", "sacrebleu", "chrf++"), _PERCENT),
    "ter": Metric(higher_is_better=False, scale=Scale.PERCENT),
    **dict.fromkeys(
        (
            "perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "loss", "nll", "brier", "brier_score",
            "wer", "cer", "mae", "mse", "rmse",
        ),
        _LOSS,
    ),
    **dict.fromkeys(
        ("ece", "ece_10_bin", "ece_1_bin", "toxicity", "toxic_frac", "expected_max_toxicity", "refusal_rate", "error"),
        _RATE,
    ),
    **dict.fromkeys(
        (
            "mcc", "matthews_corrcoef", "kappa", "cohen_kappa", "pearson", "pearsonr", "spearman", "spearmanr",
            "kendall", "correlation", "r2", "loglikelihood", "log_likelihood", "logprob", "reward", "comet",
        ),
        _CORRELATION,
    ),
}  # fmt: skip

_SPELLING = re.compile(r"[\s\-]+")


def described(name: str) -> Metric:
    """Return what is known of a metric; nothing is, of a name that is not among `KNOWN`.

    Args:
        name: in any case, with spaces or dashes for underscores.
    """
    return KNOWN.get(_SPELLING.sub("_", name.strip().lower()), Metric())
