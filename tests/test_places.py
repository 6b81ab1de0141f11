"""Places: every number has a source, names resolve in both languages, and what is borrowed says so."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from suanli.errors import BadFile, UnknownName
from suanli.facts import Catalogue, Tier
from suanli.places import filled, find, load_places
from suanli.words import sentences


@pytest.fixture(scope="module")
def places():
    return load_places(Catalogue())


def test_there_are_many_places_on_every_continent(places):
    assert len(places) >= 60
    assert {"cn", "us", "hk", "tw", "sg", "de", "ae", "jp", "kr", "in", "br", "za", "cn-guizhou", "us-texas"} <= set(places)


def test_every_number_of_every_place_has_a_source_with_a_title(places):
    for place in places.values():
        for key, fact in place.facts.items():
            assert fact.sources, (place.id, key)
            assert all(source.title for source in fact.sources)
            assert all(source.url or fact.tier >= Tier.ESTIMATED for source in fact.sources), (place.id, key)


def test_every_place_has_a_usable_pue_and_plausible_numbers(places):
    for place in places.values():
        assert 1 <= place.pue < 2, place.id
        assert math.isnan(place.carbon) or 0 <= place.carbon < 1300, place.id
        assert math.isnan(place.power_price) or 0 < place.power_price < 1, place.id
        assert math.isnan(place.power_price) == (place.price_currency == "")


def test_china_is_found_by_any_of_its_names_and_emits_582_grams(places):
    for name in ("cn", "CN", "China", "中国", "PRC", "CHN", " china "):
        assert find(places, name).id == "cn"
    china = find(places, "CN")
    assert round(china.carbon) == 582
    assert china.fact("carbon").since == "2023"
    assert (china.jurisdiction, china.currency) == ("CN", "CNY")


def test_regions_are_found_by_name_and_code(places):
    assert find(places, "贵州").id == "cn-guizhou"
    assert find(places, "Guizhou").id == "cn-guizhou"
    assert find(places, "US-TX").id == "us-texas"
    assert find(places, "UK").id == "gb"
    assert find(places, "UAE").id == "ae"


def test_hong_kong_and_taiwan_are_jurisdictions_of_their_own(places):
    assert find(places, "Hong Kong").jurisdiction == "HK"
    assert find(places, "台湾").jurisdiction == "TW"
    assert find(places, "gcp-asia-east2").jurisdiction == "HK"


def test_an_unknown_name_offers_the_nearest(places):
    with pytest.raises(UnknownName) as caught:
        find(places, "Germny")
    assert "germany" in str(caught.value)
    assert "suanli places list" in str(caught.value)
    assert "地点" in caught.value.say("zh")


def test_a_pue_borrowed_from_the_world_is_assumed_and_says_so(places):
    japan = places["jp"]
    assert japan.pue == places["world"].pue == 1.56
    assert japan.inherited == {"pue": "world"}
    assert japan.fact("pue").tier == Tier.ASSUMED
    assert "World" in japan.fact("pue").note


def test_a_pue_borrowed_from_a_nearer_place_is_estimated(places):
    assert places["cn-guizhou"].pue == places["cn"].pue
    assert places["cn-guizhou"].fact("pue").tier == Tier.ESTIMATED
    assert places["de"].inherited["pue"] == "eu"
    assert places["cn"].fact("pue").tier == Tier.REPORTED
    assert "pue" not in places["cn"].inherited


def test_an_unknown_power_price_stays_unknown_until_asked_to_be_filled(places):
    guizhou = places["cn-guizhou"]
    assert math.isnan(guizhou.power_price)
    assert guizhou.fact("power_price") is None
    full = filled(guizhou, places)
    assert full.power_price == places["cn"].power_price
    assert full.price_currency == "USD"
    assert full.inherited == {"pue": "cn", "power_price": "cn"}
    assert full.carbon == guizhou.carbon
    assert filled(full, places) == full


def test_a_known_number_is_never_replaced(places):
    texas = places["us-texas"]
    assert filled(texas, places).power_price == texas.power_price == 0.066


def test_an_own_place_of_an_overlay_joins_the_rest(tmp_path: Path):
    folder = tmp_path / "places"
    folder.mkdir()
    (folder / "my-hall.toml").write_text(
        """
id = "my-hall"
name = "My hall"
name_zh = "我的机房"
level = "zone"
jurisdiction = "CN"
parent = "cn-guizhou"
currency = "CNY"
pue = { value = 1.15, unit = "1", source = "meter" }
power_price = { value = 0.35, unit = "CNY/kWh", source = "bill" }
[sources.meter]
title = "Our meter"
url = "https://example.org"
tier = "measured"
[sources.bill]
title = "Our bill"
url = "https://example.org"
tier = "measured"
""",
        encoding="utf-8",
    )
    places = load_places(Catalogue([tmp_path]))
    hall = find(places, "我的机房")
    assert hall.own
    assert (hall.pue, hall.power_price, hall.price_currency) == (1.15, 0.35, "CNY")
    assert filled(hall, places).carbon == places["cn-guizhou"].carbon


@pytest.mark.parametrize(("line", "said"), [("pue = { value = 0.9, unit = '1', source = 's' }", "below 1"), ("parent = 'nowhere'", "nowhere")])
def test_a_broken_place_file_is_one_line(tmp_path: Path, line: str, said: str):
    folder = tmp_path / "places"
    folder.mkdir()
    parent = "" if "parent" in line else "parent = 'world'\n"
    text = f"id = 'x'\nname = 'X'\nname_zh = 'X'\nlevel = 'zone'\njurisdiction = 'CN'\ncurrency = 'CNY'\n{parent}{line}\n"
    (folder / "x.toml").write_text(text + "[sources.s]\ntitle = 'S'\nurl = 'https://example.org'\ntier = 'official'\n", encoding="utf-8")
    with pytest.raises(BadFile) as caught:
        load_places(Catalogue([tmp_path]))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["places", "workloads"])
def test_both_languages_have_the_same_sentences(file: str):
    assert sentences("en", file).keys() == sentences("zh", file).keys()
    for key, sentence in sentences("en", file).items():
        assert sentence.count("{") == sentences("zh", file)[key].count("{")
