"""``suanli export``: the years, the catalogue, the reverse question, cases in files; each answer the engine's own."""

from __future__ import annotations

import csv
import datetime
import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanli import api
from suanli.errors import BadInput
from suanli.facts import Catalogue
from suanli.facts.reader import first_day
from suanli.hardware import load_chips
from suanli.reporting.export import margin_of
from suanli.reporting.export_charts import map_chart, timeline_chart
from suanli.reporting.tongue import Tongue
from suanli.rules import OUTCOMES, Corner, Item, Items, Margin, check, default_book, fastest, item_of, sweep, timeline
from suanli.rules.accuracy import accuracy_of
from suanli.rules.engine import changes

BOOK = default_book()
US = ("US", "US-EL")
A100 = Item("A100 SXM 80GB", "NVIDIA", "US", tpp=4992, die_area=826, memory_bandwidth=2039, dram_bandwidth=2039, io_bandwidth=664, datacentre=True)
TODAY = datetime.date(2026, 11, 24)
TRUTH = Path(__file__).parents[2] / "shared" / "truth" / "export_cases.csv"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


def run(*arguments: str, code: int = 0) -> str:
    """What a command prints."""
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-m", "suanli", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


# --- the years


def test_the_a100_lives_through_letter_first_rule_and_second_rule_on_their_days() -> None:
    found = timeline(A100, "CN", datetime.date(2022, 1, 1), datetime.date(2025, 3, 31), layers=("US",))
    said = [(each.since.isoformat(), each.verdict.eccn, each.verdict.licence) for each in found]
    # letters of 2022-08-26; 87 FR 62186 in force 2022-10-21; the notice of 2023-10-23; 88 FR 73458 in force 2023-11-17
    assert said == [
        ("2022-01-01", "none", "NOT_REQUIRED"),
        ("2022-08-26", "none", "REQUIRED_IS_INFORMED"),
        ("2022-10-21", "3A090", "REQUIRED"),
        ("2023-10-23", "3A090", "REQUIRED"),
        ("2023-11-17", "3A090.a", "REQUIRED"),
    ]
    assert found[1].new == ("US-2022-08-ISINF",)
    assert found[2].gone == ("US-2022-08-ISINF",)
    assert found[-1].until == datetime.date(2025, 3, 31)


ITEMS = st.sampled_from([A100, replace(A100, name="H20 SXM", tpp=2368, die_area=814, memory_bandwidth=4000), replace(A100, die_area=math.nan, tpp=2000)])


@settings(max_examples=40, deadline=None)
@given(ITEMS, st.sampled_from(["CN", "MO", "AE", "SA", "SY", "KH"]), st.dates(datetime.date(2022, 1, 1), TODAY), st.sampled_from(["", "Biren"]))
def test_between_two_changes_of_the_law_every_day_has_the_answer_of_the_first(item: Item, place: str, day: datetime.date, party: str) -> None:
    first = max((each for each in changes(BOOK, party) if each <= day), default=day)
    one, other = (check(item, place, each, party=party) for each in (first, day))
    assert (one.eccn, one.layers, one.branches) == (other.eccn, other.layers, other.branches)


def test_a_timeline_covers_every_day_once() -> None:
    found = timeline(A100, "CN", datetime.date(2022, 1, 1), TODAY)
    assert found[0].since == datetime.date(2022, 1, 1)
    assert found[-1].until == TODAY
    for before, after in itertools.pairwise(found):
        assert after.since - before.until == datetime.timedelta(days=1)
        assert after.new or after.gone or before.verdict.layers != after.verdict.layers


# --- the whole catalogue


def test_a_sweep_is_checking_each_item_for_each_place_on_each_day() -> None:
    chips = [item_of(chip) for chip in list(load_chips(Catalogue()).values())[::29]]
    places = ["CN", "HK", "MO", "SA", "AE", "RU", "SY", "MY", "JP", "US"]
    days = [datetime.date(2021, 6, 1), datetime.date(2022, 9, 1), datetime.date(2023, 11, 17), datetime.date(2025, 9, 2), TODAY]
    found = sweep(chips, places, days)
    assert found.outcome.shape == (len(places), len(days), len(chips))
    for (row, place), (column, day), (index, item) in ((a, b, c) for a in enumerate(places) for b in enumerate(days) for c in enumerate(chips)):
        one = check(item, place, day)
        where = row, column, index
        assert OUTCOMES[found.outcome[where]] == one.outcome
        assert found.eccns[found.eccn[where]] == one.eccn
        assert found.licences[found.licence[where]] == one.licence
        assert found.reviews[found.review[where]] == one.review
        assert found.free[where] == one.free


def test_days_in_any_order_and_twice_are_answered_in_place() -> None:
    days = [TODAY, datetime.date(2022, 1, 1), TODAY]
    found = sweep([A100], ["CN"], days)
    assert [OUTCOMES[code] for code in found.outcome[0, :, 0]] == ["licence", "allowed", "licence"]


def test_free_means_that_no_layer_asks_for_anything() -> None:
    ascend = Item("Ascend 910C", "Huawei HiSilicon", "CN", tpp=12800, memory_bandwidth=3200, dram_bandwidth=3200, io_bandwidth=900, datacentre=True)
    at_home = check(ascend, "CN", TODAY)
    assert (at_home.outcome, at_home.free) == ("allowed", False)
    assert check(replace(A100, tpp=100), "JP", TODAY).free


# --- the reverse question


def test_the_fastest_data_centre_chip_for_china_follows_the_legs_of_3a090() -> None:
    found = fastest("CN", TODAY, layers=US)
    # free of .a and .b: TPP < 1600; or < 2400 with density < 3.2; or < 4800 with density < 1.6
    # 1600 / 3.2 = 500 mm2, 2400 / 3.2 = 750, 2400 / 1.6 = 1500, 4800 / 1.6 = 3000
    said = [(each.area_from, each.area_to, each.below_from, each.below_to) for each in found.compute]
    assert said == [(0, 500, 1600, 1600), (500, 750, 1600, 2400), (750, 1500, 2400, 2400), (1500, 3000, 2400, 4800), (3000, math.inf, 4800, 4800)]
    assert [each.density for each in found.compute if math.isfinite(each.density)] == [3.2, 1.6]
    # the letters: memory < 1400, I/O < 1100, together < 1700: corners 1400 + 300 and 600 + 1100
    assert found.bandwidth == (Corner(1400, 300), Corner(600, 1100))
    assert {"US-2023-11-3A090", "US-2025-04-BW"} <= set(found.rules)


def test_the_limits_of_other_places_and_kinds() -> None:
    # note 2: a part that is not for data centres is outside 3A090 below 4800, on any die
    other = fastest("CN", TODAY, datacentre=False, layers=US)
    assert [(each.area_from, each.area_to, each.below_to) for each in other.compute] == [(0, math.inf, 4800)]
    assert math.isinf(fastest("JP", TODAY, layers=US).compute[0].below_to)
    # the window of 2026: TPP < 21000 and DRAM < 6500 GB/s
    window = fastest("CN", TODAY, goal="reviewed", layers=US)
    assert [each.below_to for each in window.compute] == [21000]
    assert window.bandwidth == (Corner(6500, math.inf),)
    # the first 3A090 asked for both 4800 and 600 GB/s: with slow links compute had no limit
    first = fastest("CN", datetime.date(2023, 1, 1), layers=US)
    assert math.isinf(first.compute[-1].below_to)


def test_a_hair_under_a_limit_goes_free_and_the_limit_does_not() -> None:
    weak = Item("x", tpp=1, die_area=1, memory_bandwidth=1, dram_bandwidth=1, io_bandwidth=1, datacentre=True)
    for each in fastest("CN", TODAY, layers=US).compute:
        area = each.area_to if math.isfinite(each.area_to) else 2 * each.area_from
        for share, outcome in ((1 - 1e-6, "allowed"), (1, "licence")):
            assert check(replace(weak, tpp=each.below_to * share, die_area=area), "CN", TODAY, layers=US).outcome == outcome


def test_where_nothing_goes_free_that_is_said() -> None:
    with pytest.raises(BadInput, match="not even the weakest chip"):
        fastest("KP", TODAY)


# --- distances


@pytest.mark.parametrize(
    ("value", "line", "said"),
    [(4224, 4800, "12 % under"), (6.0976, 5.92, "3 % over"), (4800, 4800, "on the line"), (15832, 4800, "3.3 times the line")],
)
def test_a_distance_is_told_as_people_say_it(value: float, line: float, said: str) -> None:
    # 4224 / 4800 = 0.88; 6.0976 / 5.92 = 1.03; 15832 / 4800 = 3.298
    assert margin_of(Margin("total_processing_performance", line, ">=", value, value / line, "X"), Tongue("en")) == said


def test_lines_for_other_kinds_of_goods_are_not_told() -> None:
    margins = check(A100, "CN", TODAY).margins
    assert not {each.metric for each in margins} & {"process", "transistors", "memory_bandwidth_density", "owner_share"}


# --- goods


def test_own_numbers_stand_in_for_the_sheet(catalogue: Catalogue) -> None:
    sheet, mine = api.find_goods(catalogue, "h20"), api.find_goods(catalogue, "h20", memory_bandwidth=1000.0, io_bandwidth=500.0)
    assert check(sheet.item, "CN", TODAY, layers=("US",)).licence == "REQUIRED_IS_INFORMED"
    # 1000 < 1400, 500 < 1100, 1500 < 1700
    assert check(mine.item, "CN", TODAY, layers=("US",)).licence == "NOT_REQUIRED"
    assert mine.given == ("memory_bandwidth", "io_bandwidth")
    assert mine.item.dram_bandwidth == 1000


def test_a_system_is_its_chip_and_an_assembly(catalogue: Catalogue) -> None:
    system = next(each for each in api.load_systems(catalogue).values() if each.chip == "nvidia-h100-sxm5-80gb")
    goods = api.find_goods(catalogue, system.id)
    verdict = api.export_verdict(catalogue, goods, "CN", TODAY)
    assert (verdict.eccn, verdict.assembly) == ("3A090.a", "4A090.a")


def test_nothing_named_is_bad_input(catalogue: Catalogue) -> None:
    with pytest.raises(BadInput, match="what is shipped"):
        api.find_goods(catalogue, "")
    with pytest.raises(BadInput, match="Nearest: h20"):
        api.find_goods(catalogue, "h2o")


# --- cases in files


def test_predicted_rows_say_what_decided_what_was_assumed_and_what_is_missing(catalogue: Catalogue, tmp_path: Path) -> None:
    table = tmp_path / "cases.csv"
    table.write_text(
        "case_id,layer,chip,vendor,tpp,applicable_die_area_mm2,mem_bw_gbs,io_bw_gbs,dc_marketed,destination,enduser_hq,date,unknown_column\n"
        "a,US,A100,NVIDIA,4992,826,2039,664,yes,CN,CN,2024-01-15,x\n"
        "b,US,thing,NVIDIA,2000,,100,10,yes,CN,,2024-01-15,x\n"
        "c,US,thing,NVIDIA,2000,,100,10,yes,Atlantis,,2024-01-15,x\n"
        "d,US,thing,NVIDIA,many,,100,10,yes,CN,,2024-01-15,x\n",
        encoding="utf-8",
    )
    first, second, third, fourth = api.predict_export(catalogue, table)
    assert (first["eccn"], first["licence"], first["review"], first["why_not"]) == ("3A090.a", "REQUIRED", "presumption_of_denial", "")
    assert "US-2023-11-3A090" in first["bound_by"]
    assert (second["licence"], second["why_not"], second["assumed"]) == ("unknown", "unknown_performance_density", "headquarters_assumed")
    assert "Atlantis" in third["why_not"]
    assert third["licence"] == ""
    assert "many" in fourth["why_not"]


def test_a_wrong_answer_is_a_miss_and_what_is_not_tested_does_not_count() -> None:
    row = {"case_id": "a", "layer": "US", "expected_eccn": "none", "expected_licence": "REQUIRED", "expected_review": "not_tested"}
    found = accuracy_of([row], [{"case_id": "a", "eccn": "none", "licence": "NOT_REQUIRED", "review": "n/a"}], "t.csv")
    assert (found.cases, found.whole) == (1, 0)
    assert [(each.column, each.expected, each.answered) for each in found.misses] == [("licence", "REQUIRED", "NOT_REQUIRED")]
    assert {(each.column, each.right, each.stated) for each in found.counts if each.axis == "all"} == {("eccn", 1, 1), ("licence", 0, 1)}
    assert found.pairs == (("REQUIRED", "NOT_REQUIRED", 1),)


@pytest.mark.skipif(not TRUTH.is_file(), reason="the seed folder with the published export cases is not beside this checkout")
def test_accuracy_of_the_published_cases_and_of_a_file_of_predictions(catalogue: Catalogue, tmp_path: Path) -> None:
    found = api.accuracy_export(catalogue, TRUTH)
    assert found.whole == found.cases
    rows = api.predict_export(catalogue, TRUTH)
    rows[0]["licence"] = "NOT_REQUIRED"
    file = tmp_path / "predictions.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert [each.case for each in api.accuracy_export(catalogue, TRUTH, file).misses] == [rows[0]["case_id"]]


# --- the rule book


def test_every_rule_says_on_which_day_it_was_last_seen_to_stand() -> None:
    for name, rule in BOOK.rules.items():
        assert first_day(rule.from_) <= first_day(rule.still_valid_on) <= datetime.date.today(), name


def test_proposals_and_rules_not_enforced_never_count_unless_supposed() -> None:
    item = replace(A100, name="H200 SXM", tpp=15832, memory_bandwidth=4800, dram_bandwidth=4800)
    plain = check(item, "CN", TODAY, layers=("US",))
    names = {each.clause.rule: each for each in plain.hypotheses}
    assert names["US-2025-12-SAFE-CHIPS"].outcome == "prohibited"
    assert plain.outcome == "licence"
    assert not {each.rule for each in plain.clauses} & set(names)
    assert check(item, "CN", TODAY, layers=("US",), supposing=("us-2025-12-safe-chips",)).outcome == "prohibited"
    with pytest.raises(BadInput, match="is no rule of the book"):
        check(item, "CN", TODAY, supposing=("us-2099",))


@settings(max_examples=60, deadline=None)
@given(ITEMS, st.sampled_from(["CN", "MY", "AE", "JP", "SA"]), st.dates(datetime.date(2025, 12, 5), TODAY), st.sampled_from(sorted(BOOK.hypothetical)))
def test_supposing_a_proposal_never_loosens_an_answer(item: Item, place: str, day: datetime.date, rule: str) -> None:
    plain, supposed = (check(item, place, day, layers=("US",), supposing=each) for each in ((), (rule,)))
    assert OUTCOMES.index(supposed.outcome) >= OUTCOMES.index(plain.outcome)


def test_items_remember_what_was_found_and_answer_the_same_again() -> None:
    items = Items((A100, replace(A100, tpp=100)))
    first, second = (sweep(items, ["CN"], [TODAY]) for _ in range(2))
    np.testing.assert_array_equal(first.licence, second.licence)
    other = replace(BOOK, rules={name: rule.model_copy(update={"require": ()}) for name, rule in BOOK.rules.items()}, memo={})
    assert set(sweep(items, ["CN"], [TODAY], book=other).outcome.ravel()) == {OUTCOMES.index("allowed")}


# --- what a person sees


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("h200", "--to", "CN"), ("h20", "--to", "CN", "--timeline"), ("--all", "--to", "SA", "--only", "licence"), ("b200", "--to", "CN,MY,AE"),
        ("--to", "CN", "--fastest"), ("--to", "AE", "--fastest", "--goal", "reviewed"), ("--tpp", "2000", "--to", "CN"),
        ("h200", "--to", "CN", "--reexport-from", "SG"), ("--memory-stack", "110mm2", "--memory-bandwidth", "819GB/s", "--to", "CN"),
        ("--foundry", "5nm", "--transistors", "80e9", "--to", "CN"), ("h20", "--to", "CN", "--count", "5000"),
        ("b200", "--to", "AE", "--on", "2027-05-01", "--buyer", "G42"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)  # fmt: skip
def test_every_shape_of_the_command_is_said_in_both_languages_and_is_no_advice(arguments: tuple[str, ...], language: str) -> None:
    said = run("export", *arguments, "--lang", language)
    assert ("Not legal advice" if language == "en" else "不构成法律意见") in said
    assert "{" not in said
    assert all(len(line) < 101 or "http" in line for line in said.splitlines())


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("h200", "--to", "CN"), "export"), (("h200", "--to", "CN", "--timeline"), "export_timeline"), (("--all", "--to", "CN"), "export_all"),
        (("h200", "--to", "CN,MY"), "export_destinations"), (("--to", "CN", "--fastest"), "export_design"),
    ],
)  # fmt: skip
def test_json_has_the_labels_of_the_rule_book(arguments: tuple[str, ...], kind: str) -> None:
    content: dict[str, Any] = json.loads(run("export", *arguments, "--json"))
    assert content["kind"] == kind
    assert content["notice"] == "Not legal advice."
    if kind == "export":
        assert (content["eccn"], content["licence"], content["review"]) == ("3A090.a", "REQUIRED", "case_by_case")
        assert content["clauses"][0]["sentence"]
        assert content["item"]["metrics"]["dram_bandwidth"] == 4800


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("h20",), "--to is missing"), (("h20", "--to", "Atlantis"), "is not a country"), (("--to", "CN"), "what is shipped"),
        (("h20", "--to", "CN", "--timeline", "--all"), "cannot both hold"), (("h20", "--to", "CN", "--suppose", "x"), "is no rule of the book"),
        (("h20", "--to", "CN", "--memory-bandwidth", "4000"), "--memory-bandwidth"), (("h20", "--to", "CN", "-o", "x.svg"), "--timeline"),
        (("h20", "--to", "CN", "--datacentre", "maybe"), "--datacentre"), (("h20", "--to", "CN", "--timeline", "--since", "2027-01-01"), "--since"),
        (("--to", "KP", "--fastest"), "not even the weakest"), (("h20", "--to", "CN", "--transaction", "gift"), "is not a transaction"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(arguments: tuple[str, ...], said: str) -> None:
    message = run("export", *arguments, code=2)
    assert said in message
    assert message.count("\n") == 1


def test_charts_hold_every_stretch_and_every_known_chip(catalogue: Catalogue) -> None:
    say = Tongue("en")
    found = timeline(A100, "CN", datetime.date(2022, 1, 1), TODAY)
    bars = timeline_chart(A100, found, say)["data"]["values"]
    assert {each["layer"] for each in bars} >= {"United States", "China"}
    assert next(each["since"] for each in bars if each["layer"] == "United States") == "2022-01-01"
    chips, items, screened = api.export_all(catalogue, "CN", TODAY)
    lines = api.export_lines(catalogue, "CN", TODAY)
    chart = map_chart(chips, items, screened, lines, BOOK.country("CN", TODAY), "2026-11-24", say)
    known = [item for item in items if item.tpp > 0 and item.die_area > 0]
    assert len(chart["data"]["values"]) == len(known)
    drawn = [each for layer in chart["layer"] for each in layer.get("data", {}).get("values", [])]
    assert {4800, 2400, 1600} <= {each.get("x") for each in drawn}
    assert {5.92, 3.2, 1.6} <= {each.get("y") for each in drawn}
