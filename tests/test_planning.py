"""Planning: every chip is answered for, the cheapest is the cheapest, targets cost money, the law holds, and money is plain arithmetic."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suanli import api
from suanli.errors import BadInput, NoAnswer, UnknownName
from suanli.facts import Catalogue
from suanli.hardware import platforms_of
from suanli.performance.calibration import load_calibration
from suanli.performance.precision import load_precisions
from suanli.performance.reasons import Reason
from suanli.performance.serving import serve
from suanli.planning import Ask, Plan, make_ask
from suanli.planning.candidates import candidates, every_layout
from suanli.planning.sizing import replicas, replicas_at_full_load

DAY = datetime.date(2026, 11, 1)
H100 = "nvidia-h100-sxm5-80gb"
CHAT: dict[str, Any] = {"rate": 20.0, "input_length": 1000.0, "output_length": 300.0, "on": DAY}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return api.open_catalogue()


_PLANS: dict[str, Plan] = {}


def planned(catalogue: Catalogue, model: str = "llama-3.1-70b", place: str = "US", **wanted: Any) -> Plan:
    """A plan, made once: asks of these tests repeat."""
    key = repr((catalogue.overlays, model, place, sorted(wanted.items())))
    if key not in _PLANS:
        _PLANS[key] = api.plan(catalogue, model, place=place, **{**CHAT, **wanted})
    return _PLANS[key]


def asked(catalogue: Catalogue, model: str = "llama-3.1-70b", **wanted: Any) -> Ask:
    return make_ask(catalogue, api.find_model(catalogue, model), api.find_place(catalogue, "US"), **{**CHAT, **wanted})


# --- the ask ---------------------------------------------------------------------------------------------------------------------


def test_every_default_that_was_filled_in_is_listed_with_its_value_and_source(catalogue):
    ask = asked(catalogue, on=None)
    filled = {each.name: each for each in ask.filled}
    assert set(filled) == {"ttft", "tpot", "peak_to_mean", "precision", "on"}
    assert (filled["ttft"].value, filled["tpot"].value, filled["peak_to_mean"].value) == ("2 s", "50 ms", "1.5")
    assert (ask.ttft, ask.tpot, ask.peak_to_mean) == (2, 0.05, 1.5)
    assert filled["precision"].value == "bf16, fp8, int8"
    assert filled["on"].value == ask.on.isoformat() == datetime.date.today().isoformat()
    assert all(each.source for each in ask.filled)


def test_what_was_asked_for_is_not_listed_as_a_default(catalogue):
    ask = asked(catalogue, ttft=1.0, tpot=0.02, precision="fp8")
    assert {each.name for each in ask.filled} == {"peak_to_mean"}
    assert (ask.ttft, ask.tpot, ask.precisions_named) == (1.0, 0.02, True)


def test_a_workload_fills_the_traffic_and_names_itself(catalogue):
    workload = api.find_workload(catalogue, "google-search-2023")
    ask = make_ask(catalogue, api.find_model(catalogue, "gpt3-175b"), api.find_place(catalogue, "US"), workload=workload)
    assert (ask.rate, ask.input_length, ask.output_length, ask.duty, ask.cache_bits) == (320_000, 0, 2000, 0.5, 16)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"rate": None}, "planning.missing_traffic"),
        ({"output_length": None}, "planning.missing_traffic"),
        ({"rate": 0.0}, "planning.not_positive"),
        ({"rate": -1.0}, "planning.not_positive"),
        ({"rate": math.inf}, "planning.not_positive"),
        ({"input_length": -1.0}, "planning.not_positive"),
        ({"output_length": 0.0}, "planning.not_positive"),
        ({"ttft": 0.0}, "planning.not_positive"),
        ({"tpot": -0.05}, "planning.not_positive"),
        ({"on": datetime.date.today() + datetime.timedelta(days=1)}, "planning.future_date"),
        ({"layout": {"tp": 0}}, "planning.not_positive"),
    ],
)
def test_an_impossible_ask_is_one_line(catalogue, wrong, key):
    with pytest.raises(BadInput) as caught:
        asked(catalogue, **wrong)
    assert caught.value.key == key
    assert "\n" not in str(caught.value)


def test_an_unknown_chip_offers_the_nearest(catalogue):
    with pytest.raises(UnknownName) as caught:
        planned(catalogue, chips=("nvidia-h100-sxm5",))
    assert H100 in caught.value.nearest


# --- completeness ----------------------------------------------------------------------------------------------------------------

ASKS: dict[str, dict[str, Any]] = {
    "chat in the US": {},
    "chat in China": {"place": "CN"},
    "a big model in Germany": {"model": "deepseek-v3", "place": "DE", "rate": 5.0, "tpot": 0.1},
    "bought": {"acquire": "buy"},
    "one chip asked for": {"chips": (H100,)},
    "in January 2025": {"on": datetime.date(2025, 1, 15)},
    "light": {"ideal": True},
}


@pytest.mark.parametrize("name", ASKS)
def test_every_chip_of_the_catalogue_is_an_option_or_left_out_with_a_reason(catalogue, name):
    plan = planned(catalogue, **ASKS[name])
    kept, left = [option.chip.id for option in plan.options], [each.chip.id for each in plan.left_out]
    assert sorted(kept + left) == sorted(api.load_chips(catalogue))
    for each in plan.left_out:
        assert each.reasons
        assert all(Reason[reason.upper()] for reason in each.reasons)


@pytest.mark.parametrize("name", ASKS)
def test_options_come_cheapest_first_meet_the_targets_and_carry_ordered_bands(catalogue, name):
    plan = planned(catalogue, **ASKS[name])
    costs = [option.cost_per_hour.mid for option in plan.options]
    assert costs == sorted(costs)
    assert plan.best is plan.options[0]
    assert "cost" in plan.best.best_at
    for option in plan.options:
        assert option.ttft.mid <= plan.ask.ttft
        assert option.tpot.mid <= plan.ask.tpot
        size = option.tp * option.pp * option.dp
        for band in (option.replicas, option.chips, option.ttft, option.tpot, option.tokens_rate_per_chip, option.cost_per_hour, option.cost_per_million):
            assert 0 <= band.low <= band.mid <= band.high < math.inf, (option.chip.id, band)
        assert option.chips.mid >= option.replicas.mid * size  # bought, they come in whole servers
        assert option.replicas.mid == int(option.replicas.mid) >= 1


def test_a_chip_that_was_not_asked_for_is_left_out_as_such(catalogue):
    plan = planned(catalogue, chips=(H100,))
    assert [option.chip.id for option in plan.options] == [H100]
    assert all("excluded" in each.reasons for each in plan.left_out)


def test_a_chip_is_not_proposed_before_it_is_sold(catalogue):
    # the B300 shipped in the second half of 2025
    plan = planned(catalogue, on=datetime.date(2025, 1, 15))
    assert H100 in {option.chip.id for option in plan.options}
    assert {each.chip.id: each.reasons for each in plan.left_out}["nvidia-b300-sxm-288gb"] == ("release",)
    assert "nvidia-b300-sxm-288gb" in {option.chip.id for option in planned(catalogue).options}


# --- the article -----------------------------------------------------------------------------------------------------------------


def test_every_google_search_answered_by_gpt3_takes_4_1_million_a100(catalogue):
    # SemiAnalysis, 9 Feb 2023: 4,102,568 GPUs. From bandwidth alone: 175 GB of int8 weights, a 16-bit cache of 4.72 MB a token, mean context
    # 1,000: (640 GB - 175 GB) / 4.72 GB = 98 sequences on eight A100; a step reads 175 + 98 x 4.72 = 638 GB at 16.3 TB/s = 39.1 ms and makes
    # 98 tokens: 2,506 tokens/s a server. 320,000 queries/s x 2,000 tokens / 2,506 / 0.5 duty = 510,800 servers = 4.09 million GPUs.
    plan = api.plan(
        catalogue, "gpt3-175b", workload="google-search-2023", chips=("nvidia-a100-sxm4-80gb",), precision="int8", layout={"tp": 8}, ideal=True, on=DAY
    )
    by_hand = 8 * 320_000 * 2000 / (98 / ((175e9 + 98 * 4.718592e9) / (8 * 2.039e12))) / 0.5
    assert by_hand == pytest.approx(4_102_568, rel=0.01)
    assert plan.best.chips.mid == pytest.approx(4_102_568, rel=0.10)
    assert plan.best.chips.mid == pytest.approx(by_hand, rel=0.02)  # activations and the 16-bit head are read too
    assert (plan.best.tp, plan.best.concurrency, plan.best.bound_by) == (8, 98, "memory")


# --- the cheapest is the cheapest ------------------------------------------------------------------------------------------------

CHIP = """\
id = "{id}"
vendor = "Acme"
name = "{id}"
class = "npu"
segment = "datacenter"
[sources.sheet]
title = "Acme data sheet"
tier = "estimated"
[memory]
capacity = {{ value = {capacity}, unit = "GB", source = "sheet" }}
bandwidth = {{ value = {bandwidth}, unit = "TB/s", source = "sheet" }}
[[peak]]
precision = "bf16"
rate = {{ value = {rate}, unit = "TFLOP/s", source = "sheet" }}
[scale_up]
rate = {{ value = 400, unit = "GB/s", source = "sheet" }}
[power]
board = {{ value = 500, unit = "W", source = "sheet" }}
"""
SMALL, LARGE = "acme-small", "acme-large"


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Two chips of our own with their prices: nothing of a third party decides."""
    folder: Path = tmp_path_factory.mktemp("acme")
    (folder / "chips" / "acme").mkdir(parents=True)
    (folder / "prices").mkdir()
    for name, capacity, bandwidth, rate in ((SMALL, 64, 1.2, 300), (LARGE, 144, 4, 900)):
        text = CHIP.format(id=name, capacity=capacity, bandwidth=bandwidth, rate=rate)
        (folder / "chips" / "acme" / f"{name}.toml").write_text(text, encoding="utf-8")
    (folder / "prices" / "rental.csv").write_text(
        "chip,provider,region,price,currency,price_type,date,tier,source,note\n"
        f"{SMALL},Us,,0.5,USD,on_demand,2026-10,reported,our offer,\n{LARGE},Us,,2,USD,on_demand,2026-10,reported,our offer,\n", encoding="utf-8",
    )  # fmt: skip
    (folder / "prices" / "purchase.csv").write_text(
        "chip,unit,chips,price,currency,date,tier,source,note\n"
        f"{SMALL},card,1,8000,USD,2026-10,reported,our offer,\n{LARGE},card,1,30000,USD,2026-10,reported,our offer,\n", encoding="utf-8",
    )  # fmt: skip
    return api.open_catalogue([folder])


def test_an_own_chip_takes_part_in_a_plan_of_all_chips(acme):
    options = {option.chip.id: option for option in planned(acme, "llama-3.1-8b").options}
    assert options[SMALL].chip.own
    assert options[SMALL].price_estimated is False
    assert options[SMALL].assumed  # no server of it is known


BRUTE: list[tuple[str, dict[str, Any]]] = [
    ("llama-3.1-8b", {"rate": 1.0}),
    ("llama-3.1-8b", {"rate": 300.0, "tpot": 0.02}),
    ("llama-3.1-70b", {"rate": 1.0, "ttft": 4.0}),
    ("llama-3.1-70b", {"rate": 40.0}),
    ("llama-3.1-70b", {"rate": 40.0, "tpot": 0.035, "input_length": 4000.0}),
    ("gpt-oss-120b", {"rate": 15.0}),
    ("deepseek-v3", {"rate": 5.0, "tpot": 0.15, "ttft": 10.0}),
    ("llama-3.1-70b", {"rate": 40.0, "ideal": True}),
]


@pytest.mark.parametrize(("model", "wanted"), BRUTE, ids=str)
def test_the_best_option_is_the_cheapest_of_all_configurations(acme, model, wanted):
    """Brute force: every configuration of both chips sized and priced, without a screen."""
    plan = planned(acme, model, chips=(SMALL, LARGE), **wanted)
    chips = [api.load_chips(acme)[name] for name in (SMALL, LARGE)]
    platforms = platforms_of(chips, [None, None], acme)
    calibration, precisions = load_calibration(acme, platforms, ideal=plan.ask.ideal), load_precisions(acme)
    rows = candidates(plan.ask.model, platforms, precisions, plan.ask, calibration.constants)
    found = serve(plan.ask.model, platforms, calibration, precisions, rows, scenarios=3)
    meets = (found.why_not == 0) & (found.ttft[1] <= plan.ask.ttft) & (found.tpot[1] <= plan.ask.tpot)
    assert meets.any()
    cost = np.array([0.5, 2.0])[rows.platform] * rows.chips * replicas(plan.ask, rows, found, 1)
    cheapest = {chips[each].id: cost[meets & (rows.platform == each)].min() for each in (0, 1) if (meets & (rows.platform == each)).any()}
    assert {option.chip.id: option.cost_per_hour.mid for option in plan.options} == pytest.approx(cheapest)
    assert plan.best.cost_per_hour.mid == pytest.approx(min(cheapest.values()))


def test_layouts_are_all_products_of_powers_of_two_and_no_other(catalogue):
    dense = every_layout(api.find_model(catalogue, "llama-3.1-70b"), {}, 8)
    assert sorted(tuple(row[:3]) for row in dense) == [(1, 8, 1), (2, 4, 1), (4, 2, 1), (8, 1, 1)]
    mixture = every_layout(api.find_model(catalogue, "deepseek-v3"), {}, 8)
    assert {tuple(row[:3]) for row in mixture} == {(1, 8, 1), (2, 4, 1), (4, 2, 1), (8, 1, 1), (1, 1, 8), (2, 1, 4), (4, 1, 2)}
    assert set(map(tuple, every_layout(api.find_model(catalogue, "llama-3.1-70b"), {"tp": 4, "pp": 1, "dp": 1}))) == {(4, 1, 1, 1)}


# --- targets and traffic ---------------------------------------------------------------------------------------------------------


def cost_of(catalogue: Catalogue, **wanted: Any) -> float:
    try:
        return planned(catalogue, **wanted).best.cost_per_hour.mid
    except NoAnswer:
        return math.inf


@pytest.mark.parametrize(("place", "chips"), [("US", ()), ("US", (H100,)), ("CN", ("huawei-ascend-910b1",))], ids=str)
@pytest.mark.parametrize(("target", "values"), [("tpot", (0.2, 0.05, 0.03, 0.02)), ("ttft", (20.0, 2.0, 1.0, 0.5))])
def test_a_tighter_target_is_never_cheaper(catalogue, place, chips, target, values):
    costs = [cost_of(catalogue, place=place, chips=chips, **{target: value}) for value in values]
    assert costs[0] < math.inf
    assert costs == sorted(costs)


def test_more_traffic_never_takes_fewer_chips(catalogue):
    needed = [planned(catalogue, chips=(H100,), rate=rate).best.chips.mid for rate in (0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0)]
    assert needed == sorted(needed)
    assert needed[-1] > 100 * needed[1]


def test_large_fleets_grow_with_the_traffic(catalogue):
    # queueing no longer matters: ten times the requests, about ten times the chips
    small, large = (planned(catalogue, chips=(H100,), rate=rate).best.chips.mid for rate in (1000.0, 10_000.0))
    assert large == pytest.approx(10 * small, rel=0.05)


def test_queueing_never_needs_fewer_replicas_than_the_full_load(acme):
    ask = asked(acme, "llama-3.1-8b", rate=30.0)
    platforms = platforms_of([api.load_chips(acme)[SMALL]], [None], acme)
    calibration, precisions = load_calibration(acme, platforms), load_precisions(acme)
    rows = candidates(ask.model, platforms, precisions, ask, calibration.constants)
    found = serve(ask.model, platforms, calibration, precisions, rows, scenarios=3)
    runs = found.why_not == 0
    for scenario in range(3):
        full = replicas_at_full_load(ask, rows, found.tokens_rate[scenario])[runs]
        assert np.all(replicas(ask, rows, found, scenario)[runs] >= full * (1 - 1e-9))


def test_an_impossible_target_is_no_answer_with_the_reasons(catalogue):
    with pytest.raises(NoAnswer) as caught:
        planned(catalogue, tpot=1e-6)
    assert caught.value.key == "planning.no_answer"
    assert caught.value.exit_code == 3
    left = {each.chip.id: each.reasons for each in caught.value.values["left_out"]}
    assert "tpot" in left[H100]
    assert set(left) == set(api.load_chips(catalogue))


# --- the law ---------------------------------------------------------------------------------------------------------------------


def test_an_h100_is_an_option_in_the_us_and_none_in_china(catalogue):
    assert H100 in {option.chip.id for option in planned(catalogue).options}
    plan = planned(catalogue, place="CN")
    assert H100 not in {option.chip.id for option in plan.options}
    left = {each.chip.id: each for each in plan.left_out}[H100]
    assert set(left.reasons) & {"licence", "prohibited"}
    assert left.law.licence == "REQUIRED"
    assert left.law.eccn == "3A090.a"


def test_chips_of_chinese_makers_are_options_in_china(catalogue):
    assert any(option.chip.vendor == "Huawei HiSilicon" for option in planned(catalogue, place="CN", tpot=0.1).options)


def test_allowing_licences_adds_options_and_takes_none_away(catalogue):
    without, allowed = (planned(catalogue, place="CN", licence=licence) for licence in ("exclude", "allow"))
    assert {option.chip.id for option in without.options} < {option.chip.id for option in allowed.options}
    assert all(option.law.outcome not in ("licence", "prohibited") for option in without.options)


def test_only_free_keeps_what_is_surely_free_and_no_more(catalogue):
    plain, free = (planned(catalogue, place="CN", tpot=0.1, licence=licence) for licence in ("exclude", "only-free"))
    assert all(option.law.free for option in free.options)
    assert {option.chip.id for option in free.options} == {option.chip.id for option in plain.options if option.law.free}
    # an Ascend in China is free of an export licence, but US guidance speaks of it
    ascend = [each for each in free.left_out if each.chip.vendor == "Huawei HiSilicon" and each.reasons == ("not_free",)]
    assert "GP10_AUTHORISATION" in {each.law.licence for each in ascend}
    assert not {each.law.licence for each in ascend} & {"NOT_REQUIRED", "REQUIRED"}


def test_what_the_rules_keep_out_is_priced_beside_the_plan(catalogue):
    without, allowed = (planned(catalogue, place="CN", licence=licence) for licence in ("exclude", "allow"))
    assert {option.chip.id for option in without.barred} == {option.chip.id for option in allowed.options} - {option.chip.id for option in without.options}
    assert without.best_without_rules.chip.id == allowed.best.chip.id
    assert without.best_without_rules.cost_per_hour.mid <= without.best_free.cost_per_hour.mid
    review = {option.chip.id: option.law.review for option in allowed.options}
    assert review[H100] == "case_by_case"  # TPP 15,824 < 21,000 and 3,350 GB/s < 6,500: the window of 2026


def test_in_the_us_only_guidance_on_chinese_chips_keeps_anything_out(catalogue):
    plan = planned(catalogue)
    assert {option.law.licence for option in plan.barred} == {"GP10_AUTHORISATION"}
    assert {option.chip.hq_country for option in plan.barred} == {"CN"}
    assert plan.best is plan.best_free


def test_a_chip_that_is_barred_is_no_option_even_where_licences_are_allowed(catalogue):
    plan = planned(catalogue, place="CN", licence="allow", buyer="state-funded data centre")
    assert H100 not in {option.chip.id for option in plan.options}
    assert next(each for each in plan.left_out if each.chip.id == H100).reasons == ("prohibited",)
    assert H100 in {option.chip.id for option in plan.barred}


def test_the_seat_of_the_buyer_counts_wherever_the_chips_stand(catalogue):
    # Malaysia is in no group, so the chip is free for a local buyer; for one with its parent in China the headquarters test asks for a licence
    local, chinese = (planned(catalogue, place="MY", buyer_hq=hq) for hq in ("MY", "CN"))
    assert H100 in {option.chip.id for option in local.options}
    assert H100 in {option.chip.id for option in chinese.barred}
    # and the seat of a known company is found by its name
    known = planned(catalogue, place="MY", buyer="ByteDance")
    assert {option.chip.id for option in known.barred} == {option.chip.id for option in chinese.barred}


# --- money -----------------------------------------------------------------------------------------------------------------------


def test_rent_is_price_times_chips_and_a_million_tokens_its_share(acme):
    option = planned(acme, chips=(LARGE,)).best
    assert option.cost_per_hour.mid == pytest.approx(2.0 * option.chips.mid)
    # 20 requests/s x 300 tokens x 3,600 s = 21.6 million tokens an hour
    assert option.cost_per_million.mid == pytest.approx(option.cost_per_hour.mid / 21.6)


def test_buying_is_capital_energy_hosting_and_maintenance(acme):
    option = planned(acme, chips=(LARGE,), acquire="buy").best
    chips = option.chips.mid
    # a card of 30,000 USD, the rest of the server 66 %, the network 19 %; 8 % a year over five years: annuity 0.08 / (1 - 1.08^-5) = 0.25046
    investment = 30_000 * chips * 1.66 * 1.19
    capital = investment * 0.08 / (1 - 1.08**-5) / 8766
    maintenance = investment * 0.05 / 8766
    # 500 W a board x 1.45 for its server; PUE 1.4, 0.075 USD/kWh (US); hosting 184.06 USD a kW and month of 730.5 h
    kilowatt = chips * 0.5 * 1.45
    energy, hosting = kilowatt * 1.4 * 0.075, kilowatt * 184.06 / 730.5
    assert option.power.mid == pytest.approx(kilowatt * 1e3)
    assert option.cost_per_hour.mid == pytest.approx(capital + maintenance + energy + hosting)


def test_energy_and_carbon_of_a_million_tokens(acme):
    option = planned(acme, chips=(LARGE,)).best
    # kW x PUE 1.4 / 21.6 million tokens an hour; 369.473 g/kWh in the US
    kilowatt_hours = option.power.mid / 1e3 * 1.4 / 21.6
    assert option.kilowatt_hours_per_million == pytest.approx(kilowatt_hours)
    assert option.carbon_per_million.mid == pytest.approx(kilowatt_hours * 0.369473)


# --- serving one deployment ------------------------------------------------------------------------------------------------------


def test_a_deployment_given_whole_is_estimated_as_given(catalogue):
    found = api.serve(catalogue, "llama-3.1-70b", "h100", chips=8, layout={"tp": 4, "dp": 2}, precision="fp8", concurrency=32)
    assert (found.row.tp[0], found.row.pp[0], found.row.dp[0], found.row.chips[0]) == (4, 1, 2, 8)
    assert "layout" not in found.assumed


def test_the_layout_found_is_the_fastest_of_those_compared(catalogue):
    found = api.serve(catalogue, "deepseek-v3", "h200", chips=8, concurrency=64)
    assert found.precision == "fp8"
    assert found.estimate.tokens_rate[1, 0] == found.compared_estimate.tokens_rate[0].max()
    assert {"precision", "layout"} <= set(found.assumed)


def test_the_fewest_chips_that_hold_the_model_are_taken_when_their_number_is_open(catalogue):
    # 141 GB of weights: two chips of 80 GB
    assert api.serve(catalogue, "llama-3.1-70b", "h100", precision="bf16", input_length=100, output_length=100, concurrency=1).row.chips[0] == 2
