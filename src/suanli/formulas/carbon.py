"""Carbon of the electricity used and, where a maker states it, of the hardware itself."""

from __future__ import annotations

from suanli.formulas.arrays import Array


def operational(energy: Array, intensity: Array) -> Array:
    """kg of CO2 for electricity: E g / 1000                GHG Protocol Scope 2 Guidance (2015), location-based method

    energy E [kWh] at the meter (after PUE), intensity g [gCO2/kWh] of the grid.

    >>> round(operational(1000.0, 582.317), 3)              # a MWh in China, 2023
    582.317
    """
    return energy * intensity / 1000.0


def embodied_rate(embodied: Array, life: Array) -> Array:
    """Hardware carbon spread over its life: M / n, kg per the unit of ``life``. An unknown (NaN) stays unknown.

    embodied M [kgCO2] of the thing when new, life n in any unit of time.                Gupta et al., ACT, ISCA 2022, eq. 1

    >>> embodied_rate(1500.0, 5)
    300.0
    """
    return embodied / life
