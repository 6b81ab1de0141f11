"""Costs, energy and carbon: worked examples on the page, limits, and a check of the price estimates on real prices."""

from __future__ import annotations

import csv
import math
import statistics
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.economics import buy_cost, class_price_band, energy_and_carbon, rent_cost
from suanli.formulas.carbon import embodied_rate, operational
from suanli.formulas.energy import energy_per_token, facility_power, power_at
from suanli.formulas.money import capital_recovery, cost_per_million_tokens, cost_per_query, straight_line

SHARED = Path(__file__).parents[2] / "shared" / "facts"
PLAIN = {
    "price_per_chip": 30_000.0, "chips": 8, "server_overhead": 0.25, "network_share": 0.1, "depreciation_years": 4.0, "residual": 0.1,
    "maintenance": 0.05, "power_watts": 10_000.0, "pue": 1.5, "tariff": 0.08, "hosting_per_kw_month": 100.0, "capital_cost_rate": 0.08,
}  # fmt: skip


def test_the_semianalysis_chain_of_a_search_query():
    flop = 2 * 175e9 * 2000  # 7.0e14 a query
    seconds = flop / (624e12 * 0.175 * 0.50)  # A100 int8 dense, 17.5 % utilisation, half idle
    assert seconds == pytest.approx(12.8205, abs=1e-4)
    assert cost_per_query(seconds, 1.0) * 100 == pytest.approx(0.3561, abs=1e-4)  # cents
    chips = 13e6 * 15 / 86_400 * seconds
    assert chips == pytest.approx(28_935, abs=1)
    assert float(rent_cost(1.0, chips).per_day) == pytest.approx(694_444, abs=1)  # USD a day
    assert 320_000 * seconds == pytest.approx(4_102_564, abs=1)  # GPUs for every search


def test_buying_adds_up_by_hand():
    cost = buy_cost(**{**PLAIN, "capital_cost_rate": 0.0})
    investment = 30_000 * 8 * 1.25 * 1.1  # 330,000
    assert float(cost.investment) == pytest.approx(investment)
    assert float(cost.capital) == pytest.approx(330_000 * 0.9 / 4 / 8766)
    assert float(cost.energy) == pytest.approx(10 * 1.5 * 0.08)  # 15 kW at the meter
    assert float(cost.hosting) == pytest.approx(10 * 100 / 730.5)
    assert float(cost.maintenance) == pytest.approx(330_000 * 0.05 / 8766)
    assert float(cost.rent) == 0
    assert float(cost.total) == pytest.approx(float(cost.capital + cost.energy + cost.hosting + cost.maintenance))
    assert float(cost.per_year) == pytest.approx(float(cost.total) * 8766)
    assert float(cost.per_million_tokens(1000.0)) == pytest.approx(float(cost.total) / 3.6)


def test_the_scenario_axis_broadcasts_and_equals_one_by_one():
    prices = np.array([[20_000.0], [30_000.0], [45_000.0]])
    chips = np.array([8, 16, 64, 1024])
    together = buy_cost(**{**PLAIN, "price_per_chip": prices, "chips": chips, "power_watts": 1250.0 * chips})
    assert together.total.shape == together.energy.shape == (3, 4)
    for s in range(3):
        for n in range(4):
            alone = buy_cost(**{**PLAIN, "price_per_chip": prices[s, 0], "chips": chips[n], "power_watts": 1250.0 * chips[n]})
            assert together.total[s, n] == float(alone.total)


def test_an_unknown_price_gives_an_unknown_total():
    assert math.isnan(buy_cost(**{**PLAIN, "price_per_chip": math.nan}).total)
    assert math.isnan(buy_cost(**{**PLAIN, "tariff": math.nan}).total)
    assert math.isnan(rent_cost(math.nan, 8).total)


@given(st.sampled_from(sorted(PLAIN)), st.floats(1.01, 1.5))
def test_cost_rises_with_everything_but_life_and_residual(name: str, more: float):
    before, after = buy_cost(**PLAIN), buy_cost(**{**PLAIN, name: PLAIN[name] * more})
    if name in ("depreciation_years", "residual"):
        assert float(after.total) < float(before.total)
    else:
        assert float(after.total) > float(before.total)


def test_capital_recovery_agrees_with_the_published_factor_and_its_limit():
    assert float(capital_recovery(1.0, 0, 0.08, 10)) == pytest.approx(0.14903, abs=1e-5)  # (A/P, 8 %, 10) of the usual tables
    assert float(capital_recovery(1.0, 0.1, 1e-10, 5)) == pytest.approx(straight_line(1.0, 0.1, 5), rel=1e-6)
    assert capital_recovery(np.array([1.0, 1.0]), 0, np.array([0.0, 0.08]), 10) == pytest.approx([0.1, 0.14903], abs=1e-5)


@given(st.floats(0.001, 0.5), st.integers(1, 30), st.floats(0, 0.9))
def test_the_payments_discounted_are_worth_the_price_less_the_residual(interest: float, periods: int, residual: float):
    payment = float(capital_recovery(1.0, residual, interest, periods))
    worth = sum(payment / (1 + interest) ** k for k in range(1, periods + 1)) + residual / (1 + interest) ** periods
    assert worth == pytest.approx(1.0)


def test_a_fleet_that_produces_nothing_costs_infinitely_per_token():
    assert cost_per_million_tokens(1.0, np.array([0.0, 1000.0])).tolist() == [math.inf, pytest.approx(1 / 3.6)]
    assert float(energy_per_token(700.0, 0.0)) == math.inf


def test_energy_and_carbon_of_a_megawatt_hour_in_china():
    found = energy_and_carbon(1e6, 1.49, 582.317, 1e6)
    assert float(found.kwh_per_hour) == pytest.approx(1490)
    assert float(found.kg_per_hour) == pytest.approx(1490 * 0.582317)
    assert float(found.kwh_per_million_tokens) == pytest.approx(1490 / 3600)  # 3,600 million tokens an hour
    assert float(found.kg_per_million_tokens) == pytest.approx(1490 * 0.582317 / 3600)
    assert math.isnan(energy_and_carbon(1e6, 1.49, math.nan, 1e6).kg_per_hour)


def test_power_lies_between_idle_and_full():
    assert power_at(100.0, 700.0, np.array([0, 0.5, 1, 3])).tolist() == [100, 400, 700, 700]
    assert facility_power(1000.0, 1.0) == 1000.0
    assert math.isnan(embodied_rate(math.nan, 5))
    assert operational(2.0, 500.0) == 1.0


# --- prices nobody published --------------------------------------------------------------------------------------------------------


def _rows(name: str) -> list[dict[str, str]]:
    with (SHARED / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def _number(text: str) -> float:
    return float(text) if text else math.nan


def _real_prices(kind: str):
    chips = {row["id"]: row for row in _rows("chips.csv") if row["segment"] == "datacenter"}
    known: dict[str, list[float]] = {}
    for row in _rows("prices.csv"):
        if kind == "rent" and row["record"] == "rental" and row["price_type"] == "on_demand" and row["usd_per_chip_hour"]:
            known.setdefault(row["chip_id"], []).append(float(row["usd_per_chip_hour"]))
        if kind == "buy" and row["record"] == "purchase" and row["units"] == "card" and row["currency"] == "USD":
            known.setdefault(row["chip_id"], []).append(float(row["purchase_price"]))
    prices = np.array([statistics.median(known[name]) if name in known else math.nan for name in chips])
    peak, capacity, bandwidth = (
        np.array([_number(row[first] or row[second]) for row in chips.values()])
        for first, second in (("bf16_tflops", "fp16_tflops"), ("mem_gb", "mem_gb"), ("mem_gbps", "mem_gbps"))
    )
    _, codes = np.unique([f"{row['class']} {row['hq_country'] == 'CN'}" for row in chips.values()], return_inverse=True)
    return prices, peak * 1e12, capacity * 1e9, bandwidth * 1e9, codes


@pytest.mark.skipif(not (SHARED / "prices.csv").is_file(), reason="the shared seed prices are not beside the checkout")
@pytest.mark.parametrize("kind", ["rent", "buy"])
def test_the_band_of_real_prices_holds_60_to_95_percent_of_chips_it_has_not_seen(kind: str):
    prices, *rest = _real_prices(kind)
    band = class_price_band(prices, *rest)
    seen = np.isfinite(band.error) & ~band.wide
    off = np.exp(np.abs(band.error[seen]))
    errors = f"error x{np.median(off):.2f} median, x{np.quantile(off, 0.8):.2f} at 80 %"
    print(f"{kind}: {seen.sum()} chips left out one by one, {errors}, coverage {band.coverage:.2f}")
    assert seen.sum() >= 20
    assert 0.60 <= band.coverage <= 0.95
    assert np.median(off) < 2


def _made_up(count: int = 60, noise: float = 0.2, seed: int = 7):
    random = np.random.default_rng(seed)
    peak, capacity, bandwidth = np.exp(random.normal(size=(3, count)))
    codes = random.integers(0, 2, count)
    price = np.exp(1 + 0.5 * np.log(peak) + 0.3 * np.log(bandwidth) + 0.1 * np.log(capacity) + codes + noise * random.normal(size=count))
    return price, peak, capacity, bandwidth, codes


def test_the_band_orders_low_mid_high_and_marks_what_is_estimated():
    price, *rest = _made_up()
    price[:10] = math.nan
    band = class_price_band(price, *rest)
    assert (band.low <= band.mid).all()
    assert (band.mid <= band.high).all()
    assert band.estimated.tolist() == [True] * 10 + [False] * 50
    assert not band.wide.any()


def test_a_hidden_price_is_recovered_where_the_law_is_exact():
    price, *rest = _made_up(noise=0.0)
    hidden = price.copy()
    hidden[:5] = math.nan
    band = class_price_band(hidden, *rest, ridge=1e-9)
    assert band.mid[:5] == pytest.approx(price[:5], rel=1e-6)


def test_the_known_rows_are_predicted_without_themselves():
    price, *rest = _made_up()
    band = class_price_band(price, *rest)
    for row in (0, 17, 59):
        without = price.copy()
        without[row] = math.nan
        refitted = class_price_band(without, *rest)
        assert band.mid[row] == pytest.approx(refitted.mid[row], rel=0.05)  # standardisation and the residuals' median move a little


def test_a_missing_feature_gives_the_wide_band_of_the_class():
    price, peak, capacity, bandwidth, codes = _made_up()
    price[3], bandwidth[3] = math.nan, math.nan
    band = class_price_band(price, peak, capacity, bandwidth, codes)
    same = (codes == codes[3]) & np.isfinite(price)
    assert band.wide.tolist() == [row == 3 for row in range(60)]
    assert (band.low[3], band.high[3]) == pytest.approx(tuple(np.exp(np.quantile(np.log(price[same]), [0.1, 0.9]))))
    assert band.high[3] / band.low[3] > np.median(band.high[~band.wide] / band.low[~band.wide])


def test_a_class_never_seen_gets_a_wider_band():
    price, peak, capacity, bandwidth, codes = _made_up()
    price[0], codes[0] = math.nan, 9
    band = class_price_band(price, peak, capacity, bandwidth, codes)
    assert np.isfinite(band.mid[0])
    assert band.high[0] / band.low[0] > np.median(band.high[1:] / band.low[1:])


def test_too_few_prices_stay_unknown():
    price, *rest = _made_up()
    price[5:] = math.nan
    band = class_price_band(price, *rest)
    assert np.isnan(band.mid).all()
    assert math.isnan(band.coverage)
