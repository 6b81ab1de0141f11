"""The distribution of a length in tokens, as a mean and a table of quantiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Lengths:
    """``mean`` [tokens] and the quantiles ``values`` [tokens] at ``probabilities`` (both ascending); straight lines between them.

    The mean is kept as measured: it is not the mean of the straight lines.
    """

    mean: float
    probabilities: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        assert len(self.probabilities) == len(self.values) >= 1
        assert all(a < b for a, b in zip(self.probabilities, self.probabilities[1:], strict=False))
        assert all(a <= b for a, b in zip(self.values, self.values[1:], strict=False))

    def quantile(self, probability: Any) -> Any:
        """The length below which a share ``probability`` of the requests lies; an array of probabilities gives an array.

        Outside the table the first or last value holds.

        >>> float(Lengths(2.0, (0.0, 0.5, 1.0), (1.0, 2.0, 4.0)).quantile(0.75))
        3.0
        """
        return np.interp(probability, self.probabilities, self.values)

    @property
    def p50(self) -> float:
        return float(self.quantile(0.50))

    @property
    def p90(self) -> float:
        return float(self.quantile(0.90))

    @property
    def p99(self) -> float:
        return float(self.quantile(0.99))

    @property
    def max(self) -> float:
        return self.values[-1]

    @classmethod
    def constant(cls, length: float) -> Lengths:
        """Every request has the same ``length``.

        >>> Lengths.constant(2000).p99
        2000.0
        """
        return cls(float(length), (0.0, 1.0), (float(length), float(length)))

    @classmethod
    def lognormal(cls, mean: float, p50: float, points: int = 199) -> Lengths:
        """Log-normal with this mean and median: sigma^2 = 2 ln(mean / p50). ``points`` quantiles at k / (points + 1).

        mean >= p50 > 0; equal values give a constant.       Johnson, Kotz & Balakrishnan, Continuous Univariate Distributions 1, ch. 14

        >>> Lengths.lognormal(1155, 1020).p50
        1020.0
        """
        assert mean >= p50 > 0
        sigma = math.sqrt(2 * math.log(mean / p50))
        probabilities = tuple(k / (points + 1) for k in range(1, points + 1))
        normal = NormalDist()
        return cls(float(mean), probabilities, tuple(p50 * math.exp(sigma * normal.inv_cdf(p)) for p in probabilities))

    @classmethod
    def of(cls, lengths: Any, probabilities: Sequence[float]) -> Lengths:
        """Measured ``lengths`` [tokens] at ``probabilities``: the smallest length that at least this share does not exceed.

        >>> Lengths.of([1, 2, 3, 10], (0, 0.5, 1)).values
        (1.0, 2.0, 10.0)
        """
        values = np.quantile(np.asarray(lengths, float), probabilities, method="inverted_cdf")
        return cls(float(np.mean(lengths)), tuple(float(p) for p in probabilities), tuple(float(v) for v in values))
