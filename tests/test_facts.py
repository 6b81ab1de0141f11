"""Quantities and the strict loader: decimal is not binary, every mistake is one line, a user's folder is laid over ours."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.errors import BadFile, BadInput, UnknownName, UnknownUnit
from suanli.facts import Catalogue, Schema, Tier, read_record, read_rows
from suanli.facts.reader import Day, Name, PlannedDay, SourceFile, first_day, quantity, read_toml
from suanli.units import DIMENSIONS, factor, number, parse, show

# --- units -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("80 GB", "byte", 80e9),
        ("80GB", "byte", 80e9),
        ("80 GiB", "byte", 80 * 1024**3),
        ("1 kB", "byte", 1000),
        ("1 KiB", "byte", 1024),
        ("400 Gbit/s", "byte/s", 50e9),  # eight bits a byte
        ("900 GB/s", "byte/s", 900e9),
        ("4.8 TB/s", "byte/s", 4.8e12),
        ("989 TFLOP/s", "flop/s", 989e12),
        ("624 TOP/s", "flop/s", 624e12),  # an operation of any precision counts
        ("1.2 kW", "watt", 1200),
        ("50ms", "second", 0.05),
        ("2 h", "second", 7200),
        ("1 year", "second", 365.25 * 86400),
        ("50/s", "hertz", 50),
        ("6 M/day", "hertz", 6e6 / 86400),
        ("814 mm2", "mm2", 814),
        ("8.14 cm2", "mm2", 814),
        ("95 %", "1", 0.95),
        ("70.6 bn", "1", 70.6e9),
        ("15 T", "1", 15e12),
        ("1 kWh", "joule", 3.6e6),
        ("1,000,000", "1", 1e6),
        ("1_000", "1", 1000),
        ("1e3 GB", "byte", 1e12),
        ("-5 %", "1", -0.05),
        (".5 GB", "byte", 5e8),
        (20, "second", 20),
    ],
)
def test_a_quantity_is_read_in_si(text, dimension, value):
    assert parse(text, dimension) == pytest.approx(value, rel=1e-15)


def test_a_gibibyte_is_seven_percent_more_than_a_gigabyte():
    # 2^30 / 10^9 = 1.0737
    assert parse("1 GiB", "byte") / parse("1 GB", "byte") == pytest.approx(1.073741824)


@pytest.mark.parametrize(
    ("unit", "dimension", "meant"),
    [
        ("GBps", "byte/s", "GB/s"),
        ("TBps", "byte/s", "TB/s"),
        ("KBps", "byte/s", "kB/s"),
        ("GiBps", "byte/s", "GiB/s"),
        ("Bps", "byte/s", "B/s"),
        ("Gbps", "byte/s", "Gbit/s"),
        ("TFLOPS", "flop/s", "TFLOP/s"),
        ("TFLOPs", "flop/s", "TFLOP/s"),
        ("Tflops", "flop/s", "TFLOP/s"),
        ("TOPS", "flop/s", "TOP/s"),
        ("POPS", "flop/s", "POP/s"),
        ("GBs", "byte", "GB"),
        ("GiBs", "byte", "GiB"),
        ("Gb", "byte", "Gbit"),
        ("qps", "hertz", "/s"),
        ("rps", "hertz", "/s"),
        ("req/s", "hertz", "/s"),
    ],
)
def test_a_sloppy_unit_is_refused_with_the_one_that_was_meant(unit, dimension, meant):
    with pytest.raises(UnknownUnit) as caught:
        factor(unit, dimension)
    assert caught.value.values["nearest"].split(", ")[0] == meant
    assert f'"{unit}"' in str(caught.value)
    assert f"“{unit}”" in caught.value.say("zh")


@pytest.mark.parametrize(("unit", "dimension"), [("GB", "byte/s"), ("GB/s", "byte"), ("W", "second"), ("s", "watt"), ("parsec", "byte"), ("", "byte")])
def test_a_unit_of_another_dimension_is_refused(unit, dimension):
    with pytest.raises(UnknownUnit):
        factor(unit, dimension)


@pytest.mark.parametrize("text", ["", "GB", "nan", "inf", "fast", "1,5 GB", "1,00 GB", "1,0000", "--2 s"])
def test_what_is_not_plainly_a_number_is_refused_and_never_guessed(text):
    with pytest.raises(BadInput) as caught:
        parse(text, "byte", where="--memory")
    assert str(caught.value).startswith("--memory: ")
    assert "\n" not in str(caught.value)


def test_every_unit_of_every_dimension_reads_as_its_factor():
    for dimension, units in DIMENSIONS.items():
        for unit, scale in units.items():
            assert parse(f"3 {unit}", dimension) == pytest.approx(3 * scale)


@given(st.floats(1e-3, 1e20), st.sampled_from(["byte", "byte/s", "flop", "flop/s", "watt"]))
def test_what_is_shown_is_read_back_to_its_digits(value, dimension):
    assert parse(show(value, dimension, 6), dimension) == pytest.approx(value, rel=1e-5)


def test_unknown_is_shown_as_blank_and_never_as_a_number():
    assert show(float("nan"), "byte") == number(float("nan")) == ""


# --- the strict loader -----------------------------------------------------------------------------------------------------------


class Thing(Schema):
    id: Name
    since: Day | None = None
    planned: PlannedDay | None = None
    sources: dict[str, SourceFile]
    speed: quantity("byte/s")  # type: ignore[valid-type]
    parts: tuple[quantity("byte"), ...] = ()  # type: ignore[valid-type]


FINE = """\
id = "thing"
since = "2024-Q3"
planned = "2099"
parts = [{ value = 1, unit = "GiB", source = "sheet" }, { value = 2, unit = "GB", source = "sheet" }]
[sources.sheet]
title = "Sheet"
url = "https://example.org/sheet"
tier = "official"
[sources.memory]
title = "Recalled"
tier = "estimated"
[speed]
value = 900
low = 800
high = 1000
unit = "GB/s"
source = ["sheet", "memory"]
"""


def written(folder: Path, text: str, name: str = "thing.toml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_becomes_facts_in_si_by_dotted_key(tmp_path):
    record, facts = read_record(written(tmp_path, FINE), Thing)
    assert record.id == "thing"
    assert set(facts) == {"speed", "parts.0", "parts.1"}
    speed = facts["speed"]
    assert (speed.value, speed.low, speed.high, speed.stated, speed.unit, speed.dimension) == (900e9, 800e9, 1000e9, 900, "GB/s", "byte/s")
    assert [source.title for source in speed.sources] == ["Sheet", "Recalled"]
    assert (facts["parts.0"].value, facts["parts.1"].value) == (2**30, 2e9)


def test_a_number_has_the_best_tier_of_its_sources_unless_it_says_worse(tmp_path):
    assert read_record(written(tmp_path, FINE), Thing)[1]["speed"].tier == Tier.OFFICIAL
    assert read_record(written(tmp_path, FINE + 'tier = "derived"\n'), Thing)[1]["speed"].tier == Tier.DERIVED
    assert read_record(written(tmp_path, FINE + 'tier = "measured"\n'), Thing)[1]["speed"].tier == Tier.OFFICIAL


#: what is wrong -> (text to replace, by what, parts of the line)
BAD = {
    "not a date": ('"2024-Q3"', '"03/2024"', ["since", "03/2024", "is not a date"]),
    "no such day": ('"2024-Q3"', '"2024-02-30"', ["since"]),
    "not an id": ('id = "thing"', 'id = "Thing One"', ["id", '"Thing One" is not an id']),
    "no value": ("value = 900\n", "", ["speed.value", "missing"]),
    "words for a number": ("value = 900", 'value = "fast"', ["speed.value"]),
    "infinite": ("value = 900", "value = inf", ["speed.value"]),
    "not a number": ("value = 900", "value = nan", ["speed.value"]),
    "above its range": ("value = 900", "value = 1001", ["speed", "low <= value <= high"]),
    "a misspelt table": ("[speed]\n", "[sped]\n", ["sped", "unknown key", "speed"]),
    "a bad unit in a list": ('"GiB"', '"GIB"', ["parts.0", '"GIB"', "GiB"]),
    "an unclosed string": ('id = "thing"', 'id = "thing', ["cannot be read"]),
}


@pytest.mark.parametrize("wrong", BAD)
def test_a_bad_file_is_one_line_with_file_key_and_problem(tmp_path, wrong):
    old, new, parts = BAD[wrong]
    assert old in FINE
    with pytest.raises(BadFile) as caught:
        read_record(written(tmp_path, FINE.replace(old, new, 1)), Thing)
    line = str(caught.value)
    assert "\n" not in line
    for part in ["thing.toml", *parts]:
        assert part in line


def test_a_planned_day_may_lie_ahead_and_a_past_one_may_not(tmp_path):
    tomorrow = (datetime.date.today() + datetime.timedelta(days=1)).isoformat()
    assert read_record(written(tmp_path, FINE.replace('"2099"', f'"{tomorrow}"')), Thing)[0].planned == tomorrow
    with pytest.raises(BadFile, match="future"):
        read_record(written(tmp_path, FINE.replace('"2024-Q3"', f'"{tomorrow}"')), Thing)


def test_a_date_of_any_precision_starts_on_its_first_day():
    assert [first_day(text).isoformat() for text in ("2026", "2026-11", "2026-11-23", "2026-Q3", "2026-H2")] == [
        "2026-01-01", "2026-11-01", "2026-11-23", "2026-07-01", "2026-07-01",
    ]  # fmt: skip


def test_a_missing_binary_or_folder_path_is_one_line(tmp_path):
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.toml", tmp_path / "binary.toml", tmp_path):
        with pytest.raises(BadFile) as caught:
            read_toml(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


class Row(Schema):
    name: str
    count: int | None = None


def test_blank_cells_are_unknown_and_comments_are_skipped(tmp_path):
    rows = read_rows(written(tmp_path, "# ours\nname,count\na,3\nb,\n", "rows.csv"), Row)
    assert [(row.name, row.count) for row in rows] == [("a", 3), ("b", None)]


def test_a_bad_cell_or_column_names_its_row(tmp_path):
    for text, part in (("name,count\na,3\nb,many\n", "row 3: count"), ("name,cuont\na,3\n", "row 2: cuont")):
        with pytest.raises(BadFile) as caught:
            read_rows(written(tmp_path, text, "rows.csv"), Row)
        assert part in str(caught.value)


# --- overlays --------------------------------------------------------------------------------------------------------------------


def test_a_users_folder_adds_and_replaces_and_the_last_one_wins(tmp_path):
    for folder, speed in (("one", 100), ("two", 200)):
        written(tmp_path / folder, FINE.replace("value = 900\nlow = 800\nhigh = 1000", f"value = {speed}"), "things/deep/thing.toml")
    written(tmp_path / "one", FINE.replace('"thing"', '"other"'), "things/other.toml")
    catalogue = Catalogue((tmp_path / "one", tmp_path / "two"))
    records = catalogue.records("things", Thing)
    assert set(records) == {"thing", "other"}
    assert records["thing"].content.speed.value == 200
    assert records["thing"].own
    assert catalogue.record("things", "thing", Thing) is records["thing"]


def test_ours_are_not_marked_as_the_users_own(tmp_path):
    written(tmp_path, FINE, "things/thing.toml")
    assert not any(own for _, own in Catalogue().paths("chips").values())
    assert Catalogue((tmp_path,)).paths("things")["thing"][1]


def test_a_missing_folder_and_an_unknown_record_are_one_line(tmp_path):
    with pytest.raises(BadFile, match="no such folder"):
        Catalogue((tmp_path / "none",))
    written(tmp_path, FINE, "things/thing.toml")
    with pytest.raises(UnknownName):
        Catalogue((tmp_path,)).record("chips", "thing", Thing)


def test_a_table_keeps_our_rows_and_adds_the_users(tmp_path):
    written(tmp_path / "one", "name,count\na,1\n", "things/rows.csv")
    written(tmp_path / "two", "name,count\nb,2\n", "things/rows.csv")
    assert [row.name for row in Catalogue((tmp_path / "one", tmp_path / "two")).table("things", "rows", Row)] == ["a", "b"]
