"""What a model is trained to make small: each loss returns its value and its gradient together."""

from unrolled.losses.classification import binary_cross_entropy_with_logits, softmax_cross_entropy
from unrolled.losses.regression import LOG_VARIANCES, gaussian_nll, mean_absolute_error, mean_squared_error

__all__ = [
    "LOG_VARIANCES",
    "binary_cross_entropy_with_logits",
    "gaussian_nll",
    "mean_absolute_error",
    "mean_squared_error",
    "softmax_cross_entropy",
]
