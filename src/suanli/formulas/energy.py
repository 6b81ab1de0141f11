"""From utilisation to watts, from watts to joules per token."""

from __future__ import annotations

import numpy as np

from suanli.formulas.arrays import Array


def facility_power(it_power: Array, pue: Array) -> Array:
    """What the building draws: P_facility = P_IT * PUE                     ISO/IEC 30134-2:2016

    it_power [W], pue >= 1.

    >>> facility_power(1000.0, 1.56)
    1560.0
    """
    return it_power * pue


def power_at(idle: Array, maximum: Array, utilisation: Array) -> Array:
    """Power of a board or server between idle and full load.

    P = P_idle + (P_max - P_idle) u                 Fan, Weber & Barroso, Power provisioning, ISCA 2007, eq. 1
    idle, maximum [W], utilisation u clipped to 0..1. Their own servers deviate by less than 5 % with a slightly convex curve;
    accelerators under memory-bound load draw less than their utilisation suggests.

    >>> float(power_at(100.0, 700.0, 0.5)), float(power_at(100.0, 700.0, 2.0))
    (400.0, 700.0)
    """
    return idle + (maximum - idle) * np.clip(utilisation, 0, 1)


def energy_per_token(power: Array, tokens_per_second: Array) -> Array:
    """Joules per token: P / T; infinite where nothing is produced. power [W], tokens_per_second [1/s].

    >>> float(energy_per_token(700.0, 1400.0))
    0.5
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(power, tokens_per_second)


def kilowatt_hours(power: Array, hours: Array = 1) -> Array:
    """kWh drawn at ``power`` [W] in ``hours`` [h]: P h / 1000.

    >>> kilowatt_hours(1560.0, 2)
    3.12
    """
    return power * hours / 1000.0
