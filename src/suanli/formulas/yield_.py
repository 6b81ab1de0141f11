"""Dies on a wafer, how many of them work, and what a working one costs. Lengths in mm, areas in mm2, defects per mm2."""

from __future__ import annotations

import numpy as np

from suanli.formulas.arrays import Array

#: clustering of defects in the negative binomial model, as foundries commonly state it
CLUSTERING = 3.0


def dies_per_wafer(diameter: Array, die_area: Array) -> Array:
    """Whole dies on a round wafer.

    n = pi (d/2)^2 / A - pi d / sqrt(2 A)                            de Vries, IEEE Trans. Semicond. Manuf. 18(1):136-139, 2005 (its eq. 2)
    Ignores scribe lines and edge exclusion; never below 0.

    >>> float(dies_per_wafer(300.0, 814.0).round())                     # H100 on 300 mm
    63.0
    """
    area = np.asarray(die_area, dtype=float)
    return np.maximum(np.pi * (np.asarray(diameter) / 2) ** 2 / area - np.pi * np.asarray(diameter) / np.sqrt(2 * area), 0)


def poisson_yield(defects: Array, die_area: Array) -> Array:
    """Share of dies without a defect where defects fall independently: exp(-D A).

    >>> round(float(poisson_yield(0.001, 500.0)), 3)
    0.607
    """
    return np.exp(-np.asarray(defects) * np.asarray(die_area))


def negative_binomial_yield(defects: Array, die_area: Array, clustering: Array = CLUSTERING) -> Array:
    """Share of dies without a defect where defects cluster: (1 + D A / alpha)^-alpha; the Poisson yield as alpha grows.

    Stapper, IBM J. Res. Dev. 27(6):549-557, 1983

    >>> round(float(negative_binomial_yield(0.001, 500.0)), 3)
    0.63
    """
    alpha = np.asarray(clustering)
    return (1 + np.asarray(defects) * np.asarray(die_area) / alpha) ** -alpha


def cost_per_good_die(wafer_price: Array, dies: Array, good: Array) -> Array:
    """Price of a wafer over its working dies; infinite where there are none.

    >>> float(cost_per_good_die(10000.0, 50.0, 0.5))
    400.0
    """
    working = np.asarray(dies) * np.asarray(good)
    with np.errstate(divide="ignore"):
        return np.asarray(wafer_price) / working


def break_even_volume(fixed: Array, price: Array, unit_cost: Array) -> Array:
    """Units that must be sold to earn the fixed cost back: F / (p - c); infinite where a unit loses money.

    >>> float(break_even_volume(300e6, 10000.0, 4000.0)), float(break_even_volume(1.0, 1.0, 2.0))
    (50000.0, inf)
    """
    margin = np.asarray(price, dtype=float) - np.asarray(unit_cost)
    return np.where(margin > 0, np.asarray(fixed) / np.where(margin > 0, margin, 1), np.inf)
