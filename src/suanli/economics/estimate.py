"""What a chip without a published price probably costs, from the chips that have one.

log price = class + w . (log peak rate, log memory bandwidth, log memory capacity), least squares with a ridge on standardised
features (Hoerl & Kennard, Technometrics 12(1):55-67, 1970). The band is the 10, 50 and 90 % points of the leave-one-out residuals,
so it is as wide as the method is wrong about chips it has not seen. An estimate, and marked so; never a price.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from suanli.formulas.arrays import Array

#: shares of chips below the low, the mid and the high price of a band
BAND = (0.1, 0.5, 0.9)

#: the fewest known prices to fit anything from: the features, the class and one to check
FEWEST = 6


@dataclass(frozen=True, eq=False)
class PriceBand:
    """Prices [as given] per chip, (N,): ``low``, ``mid``, ``high``.

    ``estimated`` is True where no price was known (where one was, the band is what the other chips would have said, to judge the
    method by); ``wide`` True where a feature was missing and the band is only that of the class. ``error`` (N,) is
    log(known price / mid), NaN where unknown.
    """

    low: Array
    mid: Array
    high: Array
    estimated: Array
    wide: Array
    error: Array

    @property
    def coverage(self) -> float:
        """The share of the known prices that lie in the band made without them."""
        known = np.isfinite(self.error)
        inside = (np.log(self.low) - np.log(self.mid) <= self.error) & (self.error <= np.log(self.high) - np.log(self.mid))
        return float(inside[known].mean()) if known.any() else np.nan


def class_price_band(
    known_prices: Array,
    peak_flop_rate: Array,
    memory_capacity: Array,
    memory_bandwidth: Array,
    class_codes: Array,
    *,
    ridge: float = 1.0,
) -> PriceBand:
    """A low, mid and high price for every chip.

    known_prices (N,) [money, or money per hour], NaN where unknown; peak_flop_rate [flop/s] of bf16 or its equivalent; memory_capacity
    [byte]; memory_bandwidth [byte/s]; class_codes (N,) whole numbers (kind of chip, segment, maker ... as the caller sees fit).
    A class without a known price is fitted without classes, which widens its band.
    NaN in a feature: the band of the prices of the chip's class, or of all where the class has too few. Fewer than
    six known prices: all NaN.
    """
    price = _log(known_prices)
    features = np.stack([_log(each) for each in (peak_flop_rate, memory_bandwidth, memory_capacity)], 1)
    codes = np.asarray(class_codes)
    whole = np.isfinite(features).all(1)
    fit = whole & np.isfinite(price)
    low, mid, high = _class_band(price, codes)
    if fit.sum() >= FEWEST:
        ours = _prediction_band(features, codes, price, fit, ridge)
        unseen = ~np.isin(codes, codes[fit])
        if unseen.any():
            ours[unseen] = _prediction_band(features, np.zeros(len(codes), int), price, fit, ridge)[unseen]
        low, mid, high = (np.where(whole, ours[:, each], other) for each, other in enumerate((low, mid, high)))
    known = np.isfinite(price)
    wide = ~(whole & (fit.sum() >= FEWEST))
    return PriceBand(np.exp(low), np.exp(mid), np.exp(high), ~known, wide, np.where(known, price - mid, np.nan))


def _log(values: Array) -> Any:
    """Logarithm, NaN for what is not positive."""
    return np.log(np.where(np.asarray(values, float) > 0, values, np.nan))


def _prediction_band(features: Any, codes: Any, price: Any, fit: Any, ridge: float) -> Any:
    """(N, 3): the log prices of the band."""
    predicted, residual = _ridge(features, codes, price, fit, ridge)
    return predicted[:, None] + _others_quantiles(residual, fit)


def _ridge(features: Any, codes: Any, price: Any, fit: Any, ridge: float) -> tuple[Any, Any]:
    """Predicted log price of every row (of the rows fitted: without themselves) and the leave-one-out residuals of those fitted.

    Leaving out row i of a linear smoother changes its residual to r_i / (1 - h_ii)        Cook & Weisberg, Residuals and Influence, 1982
    """
    centre, scale = features[fit].mean(0), features[fit].std(0)
    standard = (features - centre) / np.where(scale > 0, scale, 1)
    one_hot = codes[:, None] == np.unique(codes[fit])[None, :]
    design = np.hstack([np.ones((len(codes), 1)), standard, one_hot])
    penalty = np.sqrt(ridge) * np.eye(design.shape[1])[1:]  # the common mean is not shrunk
    stacked = np.vstack([design[fit], penalty])
    inverse = np.linalg.pinv(stacked)
    weights = inverse @ np.concatenate([price[fit], np.zeros(len(penalty))])
    leverage = np.einsum("ij,ji->i", design[fit], inverse[:, : fit.sum()])
    predicted = design @ weights
    residual = (price[fit] - predicted[fit]) / (1 - leverage)
    predicted[fit] = price[fit] - residual
    return predicted, residual


def _others_quantiles(residual: Any, fit: Any) -> Any:
    """(N, 3): the band of the residuals; for a fitted row that of the other rows."""
    spread = np.tile(np.quantile(residual, BAND), (len(fit), 1))
    for place, row in enumerate(np.flatnonzero(fit)):
        spread[row] = np.quantile(np.delete(residual, place), BAND)
    return spread


def _class_band(price: Any, codes: Any) -> tuple[Any, Any, Any]:
    """The band of the known prices of each chip's class (of all, where the class has fewer than six), without the chip itself."""
    found = np.full((len(codes), len(BAND)), np.nan)
    rows = np.arange(len(codes))
    for row in rows:
        others = np.isfinite(price) & (rows != row)
        same = others & (codes == codes[row])
        pool = price[same if same.sum() >= FEWEST else others]
        if others.sum() >= FEWEST:
            found[row] = np.quantile(pool, BAND)
    return found[:, 0], found[:, 1], found[:, 2]
