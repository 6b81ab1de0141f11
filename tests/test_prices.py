"""Prices: rows carried whole, units divided out, currencies converted, bands in order."""

import csv
import math
from pathlib import Path

import pytest

from suanli.errors import BadFile
from suanli.facts import Catalogue, Tier
from suanli.facts.prices import (
    ExchangeRow,
    PurchaseRow,
    RentalRow,
    exchange_rate,
    load_assumptions,
    load_exchange,
    load_purchases,
    load_rentals,
    purchase_band,
    rental_band,
)
from suanli.hardware import load_chips, load_systems

SHARED = Path(__file__).parents[2] / "shared" / "facts"
TODAY = "2026-11-23"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture(scope="module")
def rentals(catalogue: Catalogue) -> list[RentalRow]:
    return load_rentals(catalogue)


@pytest.fixture(scope="module")
def purchases(catalogue: Catalogue) -> list[PurchaseRow]:
    return load_purchases(catalogue)


@pytest.fixture(scope="module")
def exchange(catalogue: Catalogue) -> list[ExchangeRow]:
    return load_exchange(catalogue)


def seed(name: str) -> list[dict[str, str]]:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"{name} lies beside the repository and is not here")
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def test_all_603_collected_rows_are_carried(rentals: list[RentalRow], purchases: list[PurchaseRow]) -> None:
    assert (len(rentals), len(purchases)) == (510, 93)


def test_no_amount_was_changed_on_the_way(rentals: list[RentalRow], purchases: list[PurchaseRow]) -> None:
    rows = seed("prices.csv")
    rent = sorted((row["chip_id"], float(row["usd_per_chip_hour"])) for row in rows if row["record"] == "rental")
    buy = sorted((row["chip_id"], float(row["purchase_price"]), row["currency"]) for row in rows if row["record"] == "purchase")
    assert sorted((row.chip, row.price) for row in rentals) == rent
    assert sorted((row.chip, row.price, row.currency) for row in purchases) == buy


def test_every_row_names_its_source(rentals: list[RentalRow], purchases: list[PurchaseRow], exchange: list[ExchangeRow]) -> None:
    for row in [*rentals, *purchases, *exchange]:
        assert len(row.source) > 10
        assert "chips.csv" not in row.source
        assert "index id" not in row.source
        if "http" not in row.source:
            assert row.tier == "estimated", row


def test_every_row_is_of_a_chip_or_system_we_know(catalogue: Catalogue, rentals: list[RentalRow], purchases: list[PurchaseRow]) -> None:
    named = {row.chip for row in [*rentals, *purchases]}
    known = set(load_chips(catalogue)) | set(load_systems(catalogue))
    if not named <= known:  # the chip files may still be on their way: then the list they are made from
        known |= {row["id"] for row in seed("chips.csv")}
    assert named <= known


def test_a_server_of_eight_cards_is_divided_by_eight(purchases: list[PurchaseRow], exchange: list[ExchangeRow]) -> None:
    (row,) = [each for each in purchases if each.chip == "cambricon-mlu370-x8"]
    assert (row.unit, row.chips, row.price, row.currency) == ("server", 8, 300000, "CNY")
    band = purchase_band(purchases, "cambricon-mlu370-x8", TODAY, exchange)
    assert band.low == band.mid == band.high == pytest.approx(300000 / 8 / 6.7394)  # rate of that day, 2026-08-22


def test_units_of_every_kind_are_understood(purchases: list[PurchaseRow]) -> None:
    units = {(row.unit, row.chips) for row in purchases}
    assert units == {("card", 1), ("server", 8), ("server", 32), ("supernode", 384), ("rack", 72), ("devkit", 1)}
    (helios,) = [row for row in purchases if row.chip == "amd-mi455x"]
    assert helios.price / helios.chips == pytest.approx(72917, abs=1)  # 5,250,000 USD a rack of 72


def test_a_bare_card_and_a_share_of_a_server_are_told_apart(purchases: list[PurchaseRow], exchange: list[ExchangeRow]) -> None:
    card = purchase_band(purchases, "nvidia-h100-sxm5-80gb", TODAY, exchange, "card")
    system = purchase_band(purchases, "nvidia-h100-sxm5-80gb", TODAY, exchange, "system")
    assert card.mid == 33600
    assert card.stale
    assert card.newest == "2023"
    assert system.mid == pytest.approx(2750000 / 8 / 6.7394)
    assert not system.stale
    assert system.mid > card.mid


@pytest.mark.parametrize(
    ("currency", "day", "rate"),
    [
        ("CNY", "2024-06-30", 7.2),
        ("EUR", "2024-06-30", 0.924),
        ("JPY", "2024-06-30", 151.5),
        ("GBP", "2024-06-30", 0.783),
        ("USD", "2024", 1.0),
    ],
)
def test_exchange_rates_of_2024_are_the_years_averages(catalogue: Catalogue, currency: str, day: str, rate: float) -> None:
    assert exchange_rate(catalogue, currency, day) == pytest.approx(rate, rel=0.002)


def test_the_newest_rate_not_after_the_day_counts_and_before_the_first_is_unknown(catalogue: Catalogue) -> None:
    assert exchange_rate(catalogue, "CNY", "2026-08-10") == 6.7598  # row of 2026-08-04
    assert math.isnan(exchange_rate(catalogue, "CNY", "2010"))


def test_ten_currencies_are_known_for_2022_to_2026(exchange: list[ExchangeRow]) -> None:
    years = {(row.currency, row.date[:4]) for row in exchange}
    for currency in ("CNY", "EUR", "JPY", "GBP", "KRW", "INR", "TWD", "SGD", "CAD", "AUD"):
        assert {(currency, str(year)) for year in range(2022, 2027)} <= years


def test_every_band_is_in_order_and_positive(rentals: list[RentalRow], purchases: list[PurchaseRow], exchange: list[ExchangeRow]) -> None:
    for chip in {row.chip for row in rentals}:
        for kind in ("on_demand", "spot", "reserved", "tco_model"):
            for each in (rental_band(rentals, chip, TODAY, kind, exchange), rental_band(rentals, chip, TODAY, kind, exchange, True)):
                assert each.count == 0 or 0 < each.low <= each.mid <= each.high, (chip, kind)
    for chip in {row.chip for row in purchases}:
        band = purchase_band(purchases, chip, TODAY, exchange)
        assert (band.count >= 1, band.left_out) == (True, 0), chip
        assert 0 < band.low <= band.mid <= band.high, chip


def rent(price: float, date: str, provider: str = "p", currency: str = "USD") -> RentalRow:
    return RentalRow(chip="c", provider=provider, price=price, currency=currency, price_type="on_demand", date=date, tier="reported", source="s")


def test_a_band_is_the_10_50_90_percent_quantiles() -> None:
    # eleven prices 0, 1 ... 10 shifted by one: quantile q lies at 1 + 10 q
    band = rental_band([rent(1 + k, "2026-06") for k in range(11)], "c", TODAY)
    assert (band.low, band.mid, band.high, band.count) == pytest.approx((2, 6, 10, 11))


def test_rows_of_the_last_twelve_months_count_and_later_ones_do_not() -> None:
    rows = [rent(9, "2025-11-01"), rent(1, "2025-12"), rent(3, "2026-11-23"), rent(99, "2026-11-23")]
    band = rental_band(rows, "c", "2026-11-22")
    assert (band.mid, band.count, band.stale, band.newest) == (1, 1, False, "2025-12")


def test_older_rows_are_used_when_there_is_nothing_newer_and_flagged() -> None:
    band = rental_band([rent(5, "2022-01"), rent(4, "2023-03"), rent(2, "2023-09")], "c", TODAY)
    assert (band.mid, band.count, band.stale, band.newest) == (3, 2, True, "2023-09")  # the year before the newest row


def test_nothing_known_is_nan_and_never_zero() -> None:
    band = rental_band([], "c", TODAY)
    assert math.isnan(band.low)
    assert math.isnan(band.mid)
    assert math.isnan(band.high)
    assert (band.count, band.newest, band.tier) == (0, "", Tier.ASSUMED)
    assert rental_band([rent(1, "2026-11-22")], "c", "2020").count == 0  # known only later


def test_a_row_that_cannot_be_converted_or_counted_is_left_out_and_counted() -> None:
    assert rental_band([rent(1, "2026"), rent(7, "2026", currency="CNY")], "c", TODAY).left_out == 1
    row = PurchaseRow(chip="c", unit="pallet", price=5, currency="USD", date="2026", tier="reported", source="s")
    assert (purchase_band([row], "c", TODAY).count, purchase_band([row], "c", TODAY).left_out) == (0, 1)


def test_per_provider_a_long_list_of_regions_does_not_decide() -> None:
    rows = [rent(10, "2026", "many") for _ in range(20)] + [rent(2, "2026", "a"), rent(3, "2026", "b")]
    assert rental_band(rows, "c", TODAY).mid == 10
    assert rental_band(rows, "c", TODAY, per_provider=True).mid == 3


def test_a_users_price_file_adds_rows_and_replaces_none(tmp_path: Path) -> None:
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "rental.csv").write_text(
        "chip,provider,region,price,currency,price_type,date,tier,source,note\n"
        "nvidia-h20-sxm-96gb,Our contract,CN,9.5,CNY,reserved,2026-10,measured,invoice of October,\n",
        encoding="utf-8",
    )
    own = Catalogue((tmp_path,))
    assert len(load_rentals(own)) == 511
    band = rental_band(load_rentals(own), "nvidia-h20-sxm-96gb", TODAY, "reserved", load_exchange(own))
    assert (band.count, band.mid) == (1, pytest.approx(9.5 / 6.7394))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("currency", "RMB", "is not a currency we know"),
        ("price", "0", "greater than 0"),
        ("date", "2031", "lies in the future"),
        ("source", "", "has no source"),
    ],
)
def test_a_bad_cell_is_one_line_that_names_file_and_row(tmp_path: Path, column: str, value: str, message: str) -> None:
    good = {
        "chip": "c",
        "provider": "p",
        "price": "1",
        "currency": "USD",
        "price_type": "spot",
        "date": "2026",
        "tier": "reported",
        "source": "s",
    }
    row = good | {column: value}
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "rental.csv").write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n", encoding="utf-8")
    with pytest.raises(BadFile, match=message) as caught:
        load_rentals(Catalogue((tmp_path,)))
    assert "row 2" in str(caught.value)
    assert column in str(caught.value)


def test_assumptions_are_ranges_with_sources(catalogue: Catalogue) -> None:
    facts = load_assumptions(catalogue)
    assert set(facts) == {"hosting", "depreciation", "server_overhead", "network_share", "maintenance_share", "utilisation"}
    assert all(fact.low < fact.value < fact.high and fact.sources for fact in facts.values())
    assert facts["hosting"].value == 184.06  # CBRE, primary markets, end of 2024
    assert facts["server_overhead"].value == pytest.approx(199000 / (8 * 15000) - 1, abs=0.002)  # DGX A100 over its eight cards
    assert facts["depreciation"].value == 5 * 31_557_600
