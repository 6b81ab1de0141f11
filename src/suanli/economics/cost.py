"""What a fleet costs an hour, rented or bought: every optimiser and every report calls these.

Arrays in, arrays out; a leading scenario axis (low, mid, high) simply broadcasts. Money is in the one currency the caller gives.
An unknown price (NaN) gives an unknown total, never a smaller one. A year is 8,766 hours (365.25 days).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suanli.formulas import carbon, energy, money
from suanli.formulas.arrays import Array
from suanli.units import factor

HOURS_PER_YEAR = factor("year", "second") / factor("h", "second")
HOURS_PER_MONTH = HOURS_PER_YEAR / 12


@dataclass(frozen=True, eq=False)
class CostBreakdown:
    """Money per hour, by part, and ``investment``, the money paid at the start (0 for rent). All arrays of one shape.

    ``rent`` is what a landlord of chips is paid; ``capital`` depreciation with interest; ``energy`` the power bill; ``hosting`` space
    and cooling by the kW; ``maintenance`` spares and service.
    """

    rent: Array
    capital: Array
    energy: Array
    hosting: Array
    maintenance: Array
    investment: Array

    @property
    def total(self) -> Array:
        """Money per hour, everything together."""
        return self.rent + self.capital + self.energy + self.hosting + self.maintenance

    @property
    def per_day(self) -> Array:
        return self.total * (factor("day", "second") / factor("h", "second"))

    @property
    def per_year(self) -> Array:
        return self.total * HOURS_PER_YEAR

    def per_million_tokens(self, tokens_per_second: Array) -> Array:
        """Money per 1e6 tokens at the fleet's ``tokens_per_second`` [1/s], averaged over idle time too."""
        return money.cost_per_million_tokens(self.total, tokens_per_second)


@dataclass(frozen=True, eq=False)
class EnergyCarbon:
    """At the meter of the building: kWh and kg of CO2, per hour and per million tokens."""

    kwh_per_hour: Array
    kg_per_hour: Array
    kwh_per_million_tokens: Array
    kg_per_million_tokens: Array


def _alike(**parts: Array) -> CostBreakdown:
    arrays = np.broadcast_arrays(*(np.asarray(each, float) for each in parts.values()))
    return CostBreakdown(**{name: array[()] for name, array in zip(parts, arrays, strict=True)})


def rent_cost(price_per_chip_hour: Array, chips: Array) -> CostBreakdown:
    """Rented by the chip-hour, power and space included: price x chips.

    >>> float(rent_cost(1.0, 28_935).per_day)               # SemiAnalysis, 9 Feb 2023: 694,444 USD a day for ChatGPT
    694440.0
    """
    return _alike(rent=np.multiply(price_per_chip_hour, chips), capital=0.0, energy=0.0, hosting=0.0, maintenance=0.0, investment=0.0)


def buy_cost(
    price_per_chip: Array,
    chips: Array,
    server_overhead: Array,
    network_share: Array,
    depreciation_years: Array,
    residual: Array,
    maintenance: Array,
    power_watts: Array,
    pue: Array,
    tariff: Array,
    hosting_per_kw_month: Array,
    capital_cost_rate: Array,
) -> CostBreakdown:
    """Bought and run: capital recovery over the life, power at the meter, hosting by the kW, maintenance.

    investment  = price_per_chip * chips * (1 + server_overhead) * (1 + network_share)
    capital     = level payment of the investment less its residual at capital_cost_rate a year, spread over the hours of the year
    energy      = power_watts * pue / 1000 * tariff
    hosting     = power_watts / 1000 * hosting_per_kw_month / (8766 / 12)
    maintenance = investment * maintenance / 8766

    price_per_chip [money]; server_overhead the rest of the server as a share of its chips' price (0 where the price is of a whole server
    divided by its chips); network_share the network as a share of the servers' price; depreciation_years [year]; residual the share of the
    investment left at the end; maintenance the share of it a year; power_watts [W] the mean IT power of the whole fleet; pue >= 1;
    tariff [money/kWh]; hosting_per_kw_month [money] per kW of IT power (0 where the tariff is all); capital_cost_rate a year
    (0: straight line).

    >>> cost = buy_cost(30_000, 8, 0, 0, 4, 0, 0, 10_000, 1.5, 0.08, 0, 0)
    >>> round(float(cost.capital), 4), float(cost.energy)           # 240,000 / (4 x 8,766); 15 kW x 0.08
    (6.8446, 1.2)
    """
    investment = np.multiply(price_per_chip, chips) * np.add(1, server_overhead) * np.add(1, network_share)
    return _alike(
        rent=0.0,
        capital=money.capital_recovery(investment, residual, capital_cost_rate, depreciation_years) / HOURS_PER_YEAR,
        energy=energy.kilowatt_hours(energy.facility_power(np.asarray(power_watts, float), pue)) * tariff,
        hosting=energy.kilowatt_hours(np.asarray(power_watts, float)) * hosting_per_kw_month / HOURS_PER_MONTH,
        maintenance=np.multiply(investment, maintenance) / HOURS_PER_YEAR,
        investment=investment,
    )


def energy_and_carbon(power: Array, pue: Array, carbon_intensity: Array, tokens_per_second: Array) -> EnergyCarbon:
    """Energy and operational carbon of a fleet that draws ``power`` [W] of IT power.

    kWh = P PUE / 1000 an hour; kg = kWh * g / 1000; per million tokens both divided by 3600 T and times 1e6.
    carbon_intensity g [gCO2/kWh], tokens_per_second T [1/s] of the whole fleet. Hardware (embodied) carbon is not in it.

    >>> found = energy_and_carbon(1000.0, 1.5, 582.317, 1000.0)
    >>> float(found.kwh_per_hour), round(float(found.kg_per_million_tokens), 4)       # 1.5 kWh x 0.582317 kg / 3.6 million tokens
    (1.5, 0.2426)
    """
    kwh = energy.kilowatt_hours(energy.facility_power(np.asarray(power, float), pue))
    kg = carbon.operational(kwh, carbon_intensity)
    per = money.cost_per_million_tokens  # the same division: any quantity an hour
    return EnergyCarbon(kwh, kg, per(kwh, tokens_per_second), per(kg, tokens_per_second))
