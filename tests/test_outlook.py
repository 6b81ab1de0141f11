"""Outlooks: the growth of compute as claims.md computed it, forecasts against what came true, accounts, the economy of a chip."""

from __future__ import annotations

import datetime
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanli import api
from suanli.economics.silicon import Design, Range, economy, factors, load_costs, moved, nodes, scenarios
from suanli.errors import BadInput, UnknownName
from suanli.facts import Catalogue, Tier
from suanli.formulas.trend import compound_growth, doubling_time, log_linear, projected, running_top, trend_break
from suanli.formulas.yield_ import break_even_volume, dies_per_wafer, negative_binomial_yield, poisson_yield
from suanli.outlook import RULES, load_accounts, load_points, load_titles, load_trained, period_of, years_of
from suanli.reporting.outlook_charts import company_chart, compute_chart, market_chart, silicon_chart
from suanli.reporting.tongue import Tongue

DAY = datetime.date
FEBRUARY_2023 = DAY(2023, 2, 28)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


def run(*arguments: str, code: int = 0) -> str:
    done = subprocess.run([sys.executable, "-m", "suanli", "outlook", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


# --- formulas


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(1, 1e30), min_size=1, max_size=30), st.integers(1, 5))
def test_the_running_top_is_what_counting_larger_ones_before_gives(values: list[float], count: int) -> None:
    expected = [sum(other > value for other in values[:place]) < count for place, value in enumerate(values)]
    assert running_top(np.array(values), count).tolist() == expected


def test_a_line_through_exact_doublings_has_no_error_and_its_fan_no_width() -> None:
    time = np.arange(6.0)
    fit = log_linear(time, 3 * 2**time, np.array([0, 0, 1, 1, 2, 2]))
    assert math.exp(fit.slope) == pytest.approx(2)
    assert float(doubling_time(fit.slope)) == pytest.approx(1)
    low, mid, high = projected(fit, np.array([10.0]), 1.28)
    assert mid[0] == pytest.approx(3 * 2**10)
    assert low[0] == pytest.approx(high[0], rel=1e-6)


def test_the_standard_error_is_that_of_the_textbook() -> None:
    # t = 0, 1, 2; ln values 0, 1, 1: slope 0.5, residuals -1/6, 1/3, -1/6, SSR 1/6, s^2 = 1/6, se = sqrt(1/6 / 2) = 0.2887
    fit = log_linear(np.array([0.0, 1.0, 2.0]), np.exp([0.0, 1.0, 1.0]))
    assert fit.slope == pytest.approx(0.5)
    assert fit.error == pytest.approx(math.sqrt(1 / 12))
    assert math.isnan(fit.group_error)


def test_a_break_is_found_where_it_was_made_and_none_in_a_line() -> None:
    time, noise = np.linspace(0, 10, 40), np.random.default_rng(1).normal(size=40) * 0.2
    bent = trend_break(time, np.exp(np.where(time < 5, 2 * time, 10 + 0.5 * (time - 5)) + noise))
    assert bent.time == pytest.approx(5, abs=0.6)
    assert bent.chance < 0.01
    assert bent.before > bent.after
    straight = trend_break(time, np.exp(2 * time + noise))
    assert straight.chance > 0.05


@settings(max_examples=50, deadline=None)
@given(st.floats(1e-5, 0.02), st.floats(10, 900))
def test_clustered_defects_spare_more_dies_than_independent_ones_and_a_bigger_die_works_less(defects: float, area: float) -> None:
    clustered, independent = negative_binomial_yield(defects, area), poisson_yield(defects, area)
    assert independent <= clustered <= 1
    assert negative_binomial_yield(defects, area * 1.1) <= clustered
    assert dies_per_wafer(300.0, area * 1.1) < dies_per_wafer(300.0, area)


def test_yield_and_break_even_by_hand() -> None:
    # D = 0.09 /cm2, A = 456 mm2: D A = 0.4104; (1 + 0.1368)^-3 = 0.6807
    assert float(negative_binomial_yield(0.0009, 456.0)) == pytest.approx(0.6807, abs=1e-4)
    # pi 150^2 / 456 - pi 300 / sqrt(912) = 155.01 - 31.21
    assert float(dies_per_wafer(300.0, 456.0)) == pytest.approx(123.8, abs=0.05)
    assert float(break_even_volume(296e6, 10_000.0, 2_300.0)) == pytest.approx(296e6 / 7700)
    assert float(compound_growth(22.0, 55.3, 3.0)) == pytest.approx(0.3597, abs=1e-4)  # (55.3/22)^(1/3) - 1


# --- compute


@pytest.mark.parametrize(
    ("rule", "first", "last", "factor", "months"),
    [
        ("record", DAY(2012, 1, 1), FEBRUARY_2023, (3.9, 4.5, 5.3), 5.5),
        ("top10", DAY(2012, 1, 1), FEBRUARY_2023, (4.4, 4.8, 5.3), 5.3),
        ("top10", DAY(2018, 1, 1), DAY(2026, 7, 31), (4.2, 4.7, 5.3), 5.4),
        ("all", DAY(2010, 1, 1), DAY(2026, 7, 31), (3.9, 4.4, 4.8), 5.7),
    ],
)
def test_growth_is_what_was_computed_independently_from_the_same_table(
    catalogue: Catalogue, rule: str, first: DAY, last: DAY, factor: tuple[float, float, float], months: float
) -> None:
    # the published recomputation (log-linear least squares, +-2 s.e.) of the same edition, rounded to one digit
    growth = api.compute_growth(catalogue, rule, first, last)
    assert growth.factor == pytest.approx(factor, abs=0.06)
    assert growth.doubling_months[1] == pytest.approx(months, abs=0.06)
    assert growth.grouped[0] <= growth.factor[0] + 0.1


def test_models_of_one_year_together_are_never_surer_by_much_and_the_rules_nest(catalogue: Catalogue) -> None:
    chosen = {rule: {each.name for each in api.compute_growth(catalogue, rule).models} for rule in RULES}
    assert chosen["record"] < chosen["top10"] < chosen["all"]


def test_the_table_keeps_its_attribution_and_its_days_in_order(catalogue: Catalogue) -> None:
    text = (Path(api.__file__).parents[1] / "data" / "market" / "training_compute.csv").read_text(encoding="utf-8")
    assert "Epoch AI" in text.splitlines()[0]
    assert "CC BY 4.0" in text.splitlines()[0]
    assert "CC BY 4.0" in run("compute")
    models = load_trained(catalogue)
    assert [each.published for each in models] == sorted(each.published for each in models)
    assert all(each.compute > 0 for each in models)


def test_a_frontier_run_spends_its_compute_and_more_days_need_fewer_chips(catalogue: Catalogue) -> None:
    growth = api.compute_growth(catalogue)
    short, long = (api.frontier_run(catalogue, 2026, ["h100"], growth, days=days) for days in (50.0, 100.0))
    # C = 6 N D with D = 20 N
    assert 6 * short.parameters * short.tokens == pytest.approx(short.compute[1])
    assert short.tokens == pytest.approx(20 * short.parameters)
    assert short.needs[0].chips[1] == pytest.approx(2 * long.needs[0].chips[1])
    low, mid, high = long.needs[0].chips
    assert low < mid < high
    # at the peak of the sheet, 989 TFLOP/s dense bf16, fewer chips would do: the estimate must lie above
    assert mid > long.compute[1] / (989.5e12 * 100 * 86400)


def test_too_few_models_are_no_trend(catalogue: Catalogue) -> None:
    with pytest.raises(BadInput, match="too few for a trend"):
        api.compute_growth(catalogue, "record", DAY(2026, 1, 1))


# --- market and companies


def test_gartners_forecasts_against_its_later_figures(catalogue: Catalogue) -> None:
    found = api.market(catalogue, "ai_chip_market_world").judged
    first = next(each for each in found if (each.forecast.vintage_text, each.forecast.period_text) == ("2022", "2023"))
    assert (first.forecast.stated, first.later.stated, first.overtaken) == (55.3, 53.662, False)
    assert first.error == pytest.approx(55.3 / 53.662 - 1)  # +3.1 %
    passed = next(each for each in found if (each.forecast.vintage_text, each.forecast.period_text) == ("2022", "2026"))
    # AI processors alone exceeded 200 bn in 2025: 86.1 / 200 - 1 = -57 %, at least
    assert (passed.later.series, passed.overtaken) == ("ai_processors_world", True)
    assert passed.error == pytest.approx(86.1 / 200 - 1)


def test_every_series_has_a_title_a_source_or_is_marked_as_from_memory(catalogue: Catalogue) -> None:
    titles, points = load_titles(catalogue), load_points(catalogue)
    assert {each.series for each in points} == set(titles)
    for each in points:
        assert each.urls or each.source or each.tier in (Tier.ESTIMATED, Tier.DERIVED), each
        assert each.low <= each.value <= each.high
    assert all(title.part_of in ("", *titles) for title in titles.values())


def test_units_lose_their_prefix_and_periods_are_read() -> None:
    points = load_points(Catalogue())
    revenue = next(each for each in points if each.series == "ai_chip_market_world" and each.stated == 55.3)
    assert (revenue.value, revenue.base) == (55.3e9, "USD")
    half, quarter, span = (period_of(text) for text in ("2025-H1", "FY2024-Q3", "2018-2022"))
    assert (half.months, quarter.begins, quarter.fiscal, span.months) == (6, 6, True, 60)
    assert period_of("2023-02-14").end == DAY(2023, 2, 14)
    assert period_of("2025").end == DAY(2025, 12, 31)
    with pytest.raises(ValueError, match="is not a period"):
        period_of("soon")


def test_a_maker_that_earns_less_than_it_researches_is_fed_by_capital(catalogue: Catalogue) -> None:
    years = {each.period_text: each for each in years_of(load_accounts(catalogue), "Cambricon")}
    # 2021: (-1,110.7 + 1,135.7) / 1,135.7 = 2.2 %; 2025: (1,770 + 1,169) / 1,169 = 251 %
    assert years["2021"].self_funding == pytest.approx((-1110.7496 + 1135.7406) / 1135.7406)
    assert years["2025"].self_funding == pytest.approx((1770 + 1169) / 1169)
    assert years["2022"].growth == pytest.approx(729.0346 / 721.0453 - 1)
    # attributable and ex-nonrecurring are kept apart
    assert (years["2021"].net_profit, years["2021"].net_profit_excluding) == (-824.9494e6, -1110.7496e6)
    found = api.company(catalogue, "寒武纪")
    assert {each.figure: (each.low, each.high) for each in found.announced}["net_profit"] == (-1265e6, -1035e6)
    assert api.company(catalogue, "nvda").name == "NVIDIA"
    with pytest.raises(UnknownName):
        api.company(catalogue, "Acme")


# --- chips


def test_an_h100_costs_what_published_bills_of_material_say(catalogue: Catalogue) -> None:
    found = api.silicon(catalogue, chip="h100")
    published = next(row for row in load_costs(catalogue) if row.item == "H100 SXM5 total manufacturing")
    assert published.mid == 3320
    low, high = float(found.economy.unit_cost[1]), float(found.economy.unit_cost[2])
    assert low < published.mid < high
    assert float(found.economy.unit_cost[0]) == pytest.approx(published.mid, rel=0.15)


def test_the_break_even_of_a_7_nm_chip_by_hand(catalogue: Catalogue) -> None:
    found = api.silicon(catalogue, node="7nm", die_area=456.0, memory=32e9, memory_type="HBM2E", price=10_000.0)
    e = found.economy
    # die: 10,000 / (123.8 x 0.6807) = 118.7; HBM2E 32 GB x 10 = 320; package 1,100 + test 760; so 2,299 a unit
    assert float(e.die_cost[0]) == pytest.approx(10_000 / (123.804 * 0.68069), rel=1e-3)
    assert float(e.unit_cost[0]) == pytest.approx(118.66 + 320 + 1100 + 760, rel=1e-3)
    # design: the median of 300, 297, 249, 271 M is 284 M; masks 12 M: 296 M / (10,000 - 2,299) = 38,400
    assert float(e.break_even[0]) == pytest.approx(296e6 / (10_000 - 2298.66), rel=1e-3)
    assert found.moved[0].factor == "design_cost"
    assert {each.factor for each in found.moved} >= {"price", "packaging"}
    # a worse process: 0.5 defects per cm2 leave 18 % working
    smic = dict(found.others)["SMIC"]
    assert float(smic.working[0]) == pytest.approx((1 + 0.005 * 456 / 3) ** -3)
    assert float(smic.break_even[0]) > float(e.break_even[0])


def test_an_export_limit_costs_price_in_proportion(catalogue: Catalogue) -> None:
    found = api.silicon(catalogue, node="7nm", die_area=456.0, price=10_000.0, performance=5120.0, to="CN")
    assert found.limit is not None
    assert (found.limit.allowed, found.limit.own) == (1600, 5120)  # below 500 mm2 a data-centre chip is free below 1600
    unit, fixed = float(found.economy.unit_cost[0]), float(found.economy.fixed_cost[0])
    assert float(found.limit.economy.break_even[0]) == pytest.approx(fixed / (10_000 * 1600 / 5120 - unit))


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["28nm", "10nm", "7nm", "5nm", "3nm"]), st.floats(50, 800), st.floats(3000, 50000))
def test_good_luck_never_needs_more_units_than_bad(node: str, area: float, price: float) -> None:
    rows = load_costs(Catalogue())
    design = Design(node, area, 1, 0.0, "", Range(price * 0.8, price, price * 1.2))
    found = factors(rows, design)
    mid, good, bad = economy(design, scenarios(found)).break_even
    assert good <= mid <= bad
    assert all(min(each.at_low, each.at_high) <= mid <= max(each.at_low, each.at_high) for each in moved(design, found))


def test_what_a_node_lacks_is_taken_from_the_nearest_and_counts_as_assumed(catalogue: Catalogue) -> None:
    rows = load_costs(catalogue)
    assert "4nm" in nodes(rows)
    found = factors(rows, Design("4nm", 800.0, 1, 0.0, "", Range.given(1e4)))
    assert found["design_cost"].tier == Tier.ASSUMED
    with pytest.raises(BadInput, match="Nearest"):
        factors(rows, Design("6nm", 800.0, 1, 0.0, "", Range.given(1e4)))
    with pytest.raises(BadInput, match="HBM"):
        factors(rows, Design("7nm", 800.0, 1, 1e9, "HBM9", Range.given(1e4)))


# --- what a person sees


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("compute",), ("compute", "--rule", "top10", "--until", "2023-02-28"), ("compute", "--year", "2027", "--chip", "h100"), ("market",),
        ("market", "ai_chip_market_world"), ("market", "china"), ("company",), ("company", "cambricon"), ("company", "NVIDIA"), ("chip", "h100"),
        ("chip", "--node", "7nm", "--die-area", "456mm2", "--price", "10000", "--tpp", "5120", "--to", "CN"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_outlook_is_said_in_both_languages(arguments: tuple[str, ...], language: str) -> None:
    said = run(*arguments, "--lang", language)
    assert "{" not in said
    assert not re.search(r"\bnan\b", said)
    assert all(len(line) < 101 or "http" in line for line in said.splitlines())


@pytest.mark.parametrize(
    ("arguments", "kind"), [(("compute",), "compute"), (("market", "venture"), "market"), (("company", "amd"), "company"), (("chip", "h100"), "chip")]
)
def test_outlooks_as_json_and_as_rows(arguments: tuple[str, ...], kind: str, tmp_path: Path) -> None:
    assert json.loads(run(*arguments, "--json"))["kind"] == f"outlook_{kind}"
    out = tmp_path / "rows.csv"
    run(*arguments, "-o", str(out))
    assert len(out.read_text(encoding="utf-8").splitlines()) > 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compute", "--rule", "biggest"), "--rule"), (("compute", "--chip", "h100"), "--year"), (("market", "moonshine"), "no series"),
        (("company", "Acme"), "no company"), (("chip",), "--node"), (("chip", "--node", "7nm", "--price", "1"), "--die-area"),
        (("compute", "-o", "x.gif"), "-o"),
        (("market", "-o", "x.svg"), "several units"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    message = run(*arguments, code=2)
    assert said in message
    assert message.count("\n") == 1


def test_charts_draw_what_the_tables_say(catalogue: Catalogue) -> None:
    say = Tongue("zh")
    growth = api.compute_growth(catalogue)
    assert len(compute_chart(growth, None, say)["data"]["values"]) == growth.fit.points
    market = api.market(catalogue, "ai_chip_market_world")
    assert len(market_chart(market, say)["data"]["values"]) == len(market.points)
    assert company_chart(api.company(catalogue, "AMD"), say)["data"]["values"]
    bars = silicon_chart(api.silicon(catalogue, node="7nm", die_area=456.0, price=10_000.0), say)["data"]["values"]
    assert all(each["low"] < each["high"] for each in bars)
