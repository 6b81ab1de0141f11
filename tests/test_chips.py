"""The chip catalogue: complete, sourced, faithful to the collected sheet, and strict about bad files in both languages."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np
import pytest

from suanli.errors import BadFile, UnknownName
from suanli.facts import Catalogue, Tier, read_record
from suanli.facts.catalogue import DATA
from suanli.facts.names import fold, index, resolve
from suanli.hardware import PRECISIONS, Chip, ChipFile, load_chips
from suanli.words import sentences

SHARED = Path(__file__).parents[2] / "shared"
SHEET = SHARED / "facts" / "chips.csv"
needs_sheet = pytest.mark.skipif(not SHEET.is_file(), reason="the collected fact sheets (../shared) are not here")
CHIPS_COLLECTED, VENDORS_COLLECTED = 383, 91

PEAKS = {p: f"{p}_{'tops' if p.startswith('int') else 'tflops'}" for p in PRECISIONS}
#: fact -> (column of the sheet, SI per unit of that column)
COLUMNS = {f"peak.{precision}": (column, 1e12) for precision, column in PEAKS.items()} | {
    "memory.capacity": ("mem_gb", 1e9),
    "memory.bandwidth": ("mem_gbps", 1e9),
    "memory.on_chip": ("sram_mb", 1e6),
    "scale_up.rate": ("link_gbps", 1e9),
    "power.board": ("tdp_w", 1.0),
    "silicon.process": ("process_nm", 1.0),
    "silicon.die_area": ("die_mm2", 1.0),
    "silicon.transistors": ("transistors_bn", 1e9),
    "price.street": ("list_or_street_price_usd", 1.0),
}


@pytest.fixture(scope="module")
def chips() -> dict[str, Chip]:
    return load_chips(Catalogue())


@pytest.fixture(scope="module")
def sheet() -> list[dict[str, str]]:
    with SHEET.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


# --- the catalogue ---------------------------------------------------------------------------------------------------------------


def test_every_collected_chip_and_vendor_is_in_the_catalogue(chips):
    assert len(chips) >= CHIPS_COLLECTED
    assert len({chip.vendor for chip in chips.values()}) >= VENDORS_COLLECTED


def test_every_vendor_is_described_once(chips):
    with (DATA / "companies" / "vendors.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [row["vendor"] for row in rows]
    assert len(names) == len(set(names)) == VENDORS_COLLECTED
    assert {chip.vendor for chip in chips.values()} <= set(names)
    assert {row["tier"] for row in rows} <= {tier.name.lower() for tier in Tier}
    assert all(len(row["hq_country"]) == 2 for row in rows)


@needs_sheet
def test_the_ids_are_those_of_the_sheet(chips, sheet):
    assert len(sheet) == CHIPS_COLLECTED
    assert {row["id"] for row in sheet} <= set(chips)


@needs_sheet
@pytest.mark.parametrize("key", COLUMNS)
def test_values_in_si_equal_the_sheet_and_blanks_stay_unknown(chips, sheet, key):
    column, scale = COLUMNS[key]
    expected = np.array([float(row[column] or "nan") * scale for row in sheet])
    facts = [chips[row["id"]].fact(key) for row in sheet]
    actual = np.array([np.nan if fact is None else fact.value for fact in facts])
    np.testing.assert_allclose(actual, expected, rtol=1e-12, equal_nan=True)


@needs_sheet
def test_vendor_dates_and_class_equal_the_sheet(chips, sheet):
    for row in sheet:
        chip = chips[row["id"]]
        assert (chip.vendor, chip.kind, chip.segment, chip.name, chip.name_zh) == tuple(
            row[column] for column in ("vendor", "class", "segment", "name", "name_zh")
        )
        assert chip.announced == row["announced"]
        assert chip.released == row["released"].split(" ")[0]  # "2027-Q4 (plan)" is a planned day by its field


def test_every_number_has_a_source_and_only_recalled_ones_lack_an_address(chips):
    facts = [(chip.id, key, fact) for chip in chips.values() for key, fact in chip.facts.items()]
    assert len(facts) > 2000
    for name, key, fact in facts:
        assert fact.sources, (name, key)
        for source in fact.sources:
            assert source.title, (name, key)
            assert source.url or source.tier >= Tier.ESTIMATED, (name, key, source.title)


def test_no_number_that_nobody_read_is_better_than_official(chips):
    assert all(fact.tier >= Tier.OFFICIAL for chip in chips.values() for fact in chip.facts.values())


def test_a_number_whose_only_source_is_memory_is_estimated_or_worse(chips):
    recalled = [fact for chip in chips.values() for fact in chip.facts.values() if all(not source.url for source in fact.sources)]
    assert recalled
    assert all(fact.tier >= Tier.ESTIMATED for fact in recalled)


def test_epoch_is_attributed_with_its_licence(chips):
    epoch = {source for chip in chips.values() for fact in chip.facts.values() for source in fact.sources if "epoch.ai" in source.url}
    assert {(source.title, source.licence) for source in epoch} == {("Epoch AI, Machine Learning Hardware", "CC BY 4.0")}


def test_all_peaks_are_dense(chips):
    # 989.4 TFLOP/s is half of the 1979 the H100 sheet prints with 2:4 sparsity
    assert not [key for chip in chips.values() for key in chip.facts if key.endswith(".sparse")]
    assert chips["nvidia-h100-sxm5-80gb"].peaks["bf16"] == 989.4e12


def test_unknown_rates_stay_unknown(chips):
    assert not chips["amd-mi308x"].peaks  # no sheet; the numbers in circulation are copies of the MI300X


# --- units -----------------------------------------------------------------------------------------------------------------------


def test_link_is_halved_once_for_h100_and_not_for_a_rate_per_direction(chips):
    h100 = chips["nvidia-h100-sxm5-80gb"]
    assert h100.fact("scale_up.rate").value == 900e9  # as the sheet says: both directions
    assert h100.link_bandwidth == 450e9
    # TPU v4: 2400 Gbit/s per chip and direction = 300 GB/s
    assert chips["google-tpu-v4"].link_bandwidth == 2400e9 / 8


def test_capacity_is_decimal_unless_the_file_says_gib(tmp_path, chips):
    assert chips["nvidia-h100-sxm5-80gb"].memory_capacity == 80e9
    record, facts = read_record(written(tmp_path, FINE.replace('"GB"', '"GiB"')), ChipFile)
    assert record.memory.capacity.value == 80
    assert facts["memory.capacity"].value == 80 * 2**30


def test_where_sources_disagree_the_range_holds_the_value(chips):
    b200 = chips["nvidia-b200-sxm-180gb"].fact("memory.capacity")
    assert (b200.value, b200.low, b200.high) == (180e9, 180e9, 192e9)
    c = chips["huawei-ascend-910c"].fact("peak.fp16")  # 2 x 376 in the CloudMatrix384 paper, 800 in the keynote
    assert (c.low, c.value) == (752e12, 800e12)


def test_what_the_numbers_are_for_is_explicit(chips):
    expected = {
        "nvidia-tesla-k80": ("board", 2),
        "amd-mi250x": ("package", 2),
        "huawei-ascend-910c": ("package", 2),
        "nvidia-b200-sxm-180gb": ("package", 2),
        "cerebras-wse-3": ("wafer", 1),
        "nvidia-jetson-agx-orin-64gb": ("card", None),
    }
    assert {name: (chips[name].unit, chips[name].dies) for name in expected} == expected


# --- names -----------------------------------------------------------------------------------------------------------------------


def test_no_two_chips_share_a_name(chips):
    owners: dict[str, set[str]] = {}
    for chip in chips.values():
        for name in filter(None, (chip.id, chip.name, chip.name_zh, *chip.aliases)):
            owners.setdefault(fold(name), set()).add(chip.id)
    assert {name: ids for name, ids in owners.items() if len(ids) > 1} == {}


@pytest.mark.parametrize(
    ("name", "chip"),
    [
        ("A100", "nvidia-a100-sxm4-80gb"),
        ("H100", "nvidia-h100-sxm5-80gb"),
        ("h100_sxm", "nvidia-h100-sxm5-80gb"),
        ("H200", "nvidia-h200-sxm-141gb"),
        ("B200", "nvidia-b200-sxm-180gb"),
        ("b300_sxm", "nvidia-b300-sxm-288gb"),
        ("gb200", "nvidia-gb200-gpu"),
        ("GH200", "nvidia-gh200-96gb"),
        ("RTX PRO 6000 Blackwell SE", "nvidia-rtx-pro-6000-blackwell-server"),
        ("MI300X", "amd-mi300x"),
        ("Intel Max 1550", "intel-gpu-max-1550"),
        ("SN40L", "sambanova-sn40l"),
        ("Gaudi2", "intel-gaudi2"),
        ("910C", "huawei-ascend-910c"),
        ("昇腾910C", "huawei-ascend-910c"),
        ("昇腾910", "huawei-ascend-910a"),
    ],
)
def test_the_names_people_use_find_the_standard_variant(chips, name, chip):
    assert resolve("chip", name, index(chips.values())).id == chip


def test_a_misspelt_chip_gets_the_nearest_names(chips):
    with pytest.raises(UnknownName) as caught:
        resolve("chip", "nvidia-h10-sxm", index(chips.values()))
    assert any("h100" in name for name in caught.value.nearest)


@needs_sheet
def test_the_chips_of_the_serving_and_training_measurements_are_found(chips):
    names = index(chips.values())
    for table in ("serving_silicon", "serving_papers", "serving_offline_batch", "training", "flagperf"):
        with (SHARED / "truth" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            found = {row["chip"] for row in csv.DictReader(line for line in file if not line.startswith("#"))} - {""}
        assert {name for name in found if fold(name) not in names} == set(), table


# --- bad files -------------------------------------------------------------------------------------------------------------------

FINE = """\
id       = "acme-x1"
vendor   = "Acme"
name     = "X1"
class    = "npu"
segment  = "datacenter"
announced = "2026-01"

[sources.sheet]
title = "X1 data sheet"
url   = "https://example.org/x1"
tier  = "official"

[memory]
capacity  = { value = 80, unit = "GB", source = "sheet" }
bandwidth = { value = 4.8, unit = "TB/s", source = "sheet" }

[[peak]]
precision = "bf16"
rate      = { value = 500, unit = "TFLOP/s", source = "sheet" }
"""
LAST_LINE = 'rate      = { value = 500, unit = "TFLOP/s", source = "sheet" }\n'
SECOND_PEAK = '\n[[peak]]\nprecision = "bf16"\nrate = { value = 400, unit = "TFLOP/s", source = "sheet" }\n'

#: what is wrong -> (text to replace, by what, parts of the English line, parts of the Chinese line)
BAD = {
    "unknown key": (
        "bandwidth =",
        "bandwith =",
        ["memory.bandwith", "unknown key", "bandwidth"],
        ["memory.bandwith", "未知的键", "bandwidth"],
    ),
    "unknown unit": ('"TB/s"', '"TBps"', ["memory.bandwidth", '"TBps"', '"TB/s"'], ["memory.bandwidth", "“TBps”", "带宽", "“TB/s”"]),
    "unit of another dimension": ('"TB/s"', '"GB"', ["memory.bandwidth", '"GB"', "GB/s"], ["memory.bandwidth", "“GB”", "GB/s"]),
    "missing source": (', source = "sheet" }\nband', " }\nband", ["memory.capacity", "no source"], ["memory.capacity", "没有来源"]),
    "unknown source": (
        'source = "sheet" }\nband',
        'source = "shet" }\nband',
        ["memory.capacity", '"shet"', "sheet"],
        ["memory.capacity", "“shet”", "sheet"],
    ),
    "future date": ('"2026-01"', '"2099-01"', ["announced", "2099-01", "future"], ["announced", "2099-01", "未来"]),
    "broken invariant of the chip": (LAST_LINE, LAST_LINE + SECOND_PEAK, ["two peak rates"], ["两个峰值"]),
    "peak not above zero": ("value = 500", "value = 0", ["not above zero"], ["大于零"]),
    "range without its value": (
        'value = 80, unit = "GB"',
        'value = 80, unit = "GB", high = 79',
        ["memory.capacity", "low <= value <= high"],
        ["不成立"],
    ),
    "bad tier of a source": ('"official"', '"offical"', ["sources.sheet.tier", '"offical"', "official"], ["可信级别“offical”", "official"]),
    "bad tier of a number": ('unit = "TB/s"', 'unit = "TB/s", tier = "guess"', ["memory.bandwidth.tier", '"guess"'], ["可信级别“guess”"]),
    "official without an address": (
        'url   = "https://example.org/x1"\n',
        "",
        ["sources.sheet.url", "needs a url"],
        ["sources.sheet.url", "url"],
    ),
    "unknown precision": ('"bf16"', '"bfl6"', ["peak.0.precision", '"bfl6"', "bf16"], ["“bfl6”", "bf16"]),
}


def written(folder: Path, text: str, name: str = "acme-x1") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_file_is_fine(tmp_path):
    record, facts = read_record(written(tmp_path, FINE), ChipFile)
    assert record.vendor == "Acme"
    assert facts["memory.bandwidth"].value == 4.8e12


@pytest.mark.parametrize("wrong", BAD)
def test_a_bad_file_is_one_clear_line_in_both_languages(tmp_path, wrong):
    old, new, english, chinese = BAD[wrong]
    text = FINE.replace(old, new, 1)
    assert text != FINE
    with pytest.raises(BadFile) as caught:
        read_record(written(tmp_path, text), ChipFile)
    for line, parts in ((str(caught.value), english), (caught.value.say("zh"), chinese)):
        assert "\n" not in line
        assert "acme-x1.toml" in line
        for part in parts:
            assert part in line


def test_a_file_named_unlike_its_id_is_refused(tmp_path):
    with pytest.raises(BadFile) as caught:
        read_record(written(tmp_path, FINE, "acme-x2"), ChipFile)
    assert "acme-x1" in str(caught.value)
    assert "文件名" in caught.value.say("zh")


def test_a_chip_may_ship_quietly_but_not_long_before_it_is_announced(tmp_path):
    read_record(written(tmp_path, FINE.replace('"2026-01"', '"2026-01"\nreleased = "2024"')), ChipFile)
    with pytest.raises(BadFile, match="two years"):
        read_record(written(tmp_path, FINE.replace('"2026-01"', '"2026-01"\nreleased = "2023"')), ChipFile)


def test_an_own_chip_in_an_overlay_is_added_and_marked(tmp_path):
    (tmp_path / "chips").mkdir()
    written(tmp_path / "chips", FINE)
    chips = load_chips(Catalogue(overlays=(tmp_path,)))
    assert chips["acme-x1"].own
    assert len(chips) > CHIPS_COLLECTED


def test_the_sentences_of_this_room_exist_in_both_languages():
    for file in ("errors", "hardware"):
        assert sentences("en", file).keys() == sentences("zh", file).keys()


def test_loading_all_chips_is_quick():
    start = time.perf_counter()
    load_chips(Catalogue())
    assert time.perf_counter() - start < 1.5
