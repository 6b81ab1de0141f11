"""How predictions are judged: the arithmetic on hand-made tables, the command in both languages, the chart, the stored summary and the page."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from rich.cells import cell_len

from suanli import api
from suanli.cli.main import main
from suanli.errors import BadFile, BadInput
from suanli.facts import Catalogue
from suanli.facts.catalogue import DATA
from suanli.performance.accuracy import serving as accuracy
from suanli.performance.accuracy.errors import rank_correlation, ranks
from suanli.performance.accuracy.serving import FIGURES, accuracy_of
from suanli.performance.accuracy.serving_reasons import likely_reasons
from suanli.performance.accuracy.summary import COLUMNS, read_summary, summary_rows, write_summary
from suanli.reporting import draw
from suanli.reporting.charts import SCHEMA, accuracy_chart
from suanli.reporting.tongue import Tongue
from suanli.words import LANGUAGES, say

TRUTH = Path(__file__).parents[2] / "shared" / "truth" / "serving_silicon.csv"
needs_truth = pytest.mark.skipif(not TRUTH.is_file(), reason="the measured tables (../shared/truth) are not here")
SCRIPT = Path(__file__).parents[1] / "scripts" / "write_accuracy.py"
Row = dict[str, str]

#: six measured rows; TPOT 10, 20, 30, 40, 50 and (suspect) 60 ms on 8 chips, 800, 700, 600, 500, 400, 300 token/s together
MEASURED: list[Row] = [
    {
        "id": f"r{place}",
        "chip": "h100",
        "n_chips": "8",
        "model": "llama-3.1-70b",
        "precision": "fp8",
        "framework": "vllm 0.12.0" if place < 4 else "sglang 0.5.9",
        "mode": "agg" if place < 3 else "disagg",
        "isl": "1024",
        "osl": "1024",
        "concurrency_or_batch": "64",
        "tp": "8",
        "ttft_ms": "",
        "tpot_ms": str(10 * place),
        "tokens_per_s_total": str(900 - 100 * place),
        "spec_decode": "none",
        "quality": "suspect" if place == 6 else "ok",
    }
    for place in range(1, 7)
]


def answer(row: Row, times: float, low: float = 0.5, high: float = 2.0, rate: float | None = None) -> Row:
    """A prediction of ``times`` the measured TPOT within ``low`` and ``high`` times it, and of ``rate`` token/s per chip (that of the row)."""
    tpot = float(row["tpot_ms"]) * times
    per_chip = float(row["tokens_per_s_total"]) / 8 if rate is None else rate
    found = {"id": row["id"], "ttft_ms": "", "tpot_ms": f"{tpot}", "tpot_ms_low": f"{tpot * low}", "tpot_ms_high": f"{tpot * high}"}
    return found | {"tokens_per_s_per_chip": f"{per_chip}", "why_not": "", "tier": "derived", "bound_by": "memory", "assumed": ""}


def score(found: accuracy.Accuracy, figure: str, axis: str = "all", name: str = "") -> accuracy.Score:
    (one,) = [each for each in found.of(axis, name) if each.figure == figure]
    return one


def test_predictions_10_percent_high_have_a_bias_and_a_median_error_of_a_tenth() -> None:
    found = accuracy_of(MEASURED, [answer(row, 1.1) for row in MEASURED])
    tpot = score(found, "tpot_ms")
    assert (tpot.rows, tpot.answered) == (5, 5)
    assert (tpot.bias, tpot.median, tpot.mean, tpot.p90) == pytest.approx((0.1, 0.1, 0.1, 0.1))


def test_too_low_and_too_high_cancel_in_the_bias_but_not_in_the_error() -> None:
    """0.5, 0.5, 1, 1.5, 1.5 times: errors -0.5, -0.5, 0, 0.5, 0.5: median 0, of the size 0.5, mean size 2 / 5 = 0.4."""
    found = accuracy_of(MEASURED, [answer(row, times) for row, times in zip(MEASURED, (0.5, 0.5, 1, 1.5, 1.5, 9), strict=True)])
    tpot = score(found, "tpot_ms")
    assert (tpot.bias, tpot.median, tpot.mean) == pytest.approx((0, 0.5, 0.4))


def test_the_interval_covers_two_of_four() -> None:
    """Interval 0.9 to 1.1 times the prediction: 1.05 and 0.95 times the measured hold it, 2 and 0.5 times do not."""
    rows = MEASURED[:4]
    found = accuracy_of(rows, [answer(row, times, 0.9, 1.1) for row, times in zip(rows, (1.05, 0.95, 2, 0.5), strict=True)])
    assert score(found, "tpot_ms").inside == 0.5
    assert math.isnan(score(found, "tokens_per_s_per_chip").inside)  # no interval was given for it


def test_suspect_rows_and_multi_token_prediction_are_counted_but_not_judged() -> None:
    rows = [*MEASURED, {**MEASURED[0], "id": "r7", "spec_decode": "mtp"}]
    found = accuracy_of(rows, [answer(row, 1) for row in rows])
    assert (found.rows, found.suspect, found.speculative, found.scored) == (7, 1, 1, 5)
    assert score(found, "tpot_ms").rows == 5


def test_a_row_without_an_answer_counts_as_not_answered_with_its_reason() -> None:
    """Of five judged rows r1 says why not and r5 is missing: 3 answered."""
    answers = [{"id": "r1", "why_not": "weights;heads", "tpot_ms": ""}, *(answer(row, 1) for row in MEASURED[1:4])]
    found = accuracy_of(MEASURED, answers)
    assert (found.scored, found.answered) == (5, 3)
    assert found.why_not == {"weights": 1, "heads": 1, "no_prediction": 1}
    assert (score(found, "tpot_ms").rows, score(found, "tpot_ms").answered) == (5, 3)


def test_the_order_of_the_predictions_does_not_matter() -> None:
    answers = [answer(row, 1 + int(row["id"][1]) / 10) for row in MEASURED]
    assert accuracy_of(MEASURED, answers).scores == accuracy_of(MEASURED, answers[::-1]).scores


def test_the_rate_per_chip_is_that_of_all_over_their_number_where_the_table_has_only_that() -> None:
    """800 / 8 = 100; a stated 90 goes first; without the number of chips there is none."""
    assert accuracy.measured_of(MEASURED[0], "tokens_per_s_per_chip") == 100
    assert accuracy.measured_of({**MEASURED[0], "tokens_per_s_per_chip": "90"}, "tokens_per_s_per_chip") == 90
    assert math.isnan(accuracy.measured_of({**MEASURED[0], "n_chips": ""}, "tokens_per_s_per_chip"))


def test_groups_are_judged_by_themselves() -> None:
    """vllm rows r1 to r3 are 10 % high, the sglang rows that count (r4, r5) 50 % high; an engine is its first word; the larger group (r3 to r5) first."""
    found = accuracy_of(MEASURED, [answer(row, 1.1 if row["framework"].startswith("vllm") else 1.5) for row in MEASURED])
    assert score(found, "tpot_ms", "framework", "vllm").median == pytest.approx(0.1)
    assert score(found, "tpot_ms", "framework", "sglang").median == pytest.approx(0.5)
    assert [each.name for each in found.of("mode") if each.figure == "tpot_ms"] == ["disagg", "agg"]
    assert not [each for each in found.scores if each.figure == "ttft_ms"]  # nobody measured it


def test_ranks_and_their_correlation() -> None:
    """A reversed order is -1, the same order 1 whatever the sizes; ties share the mean rank: 1, 2.5, 2.5, 4."""
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert rank_correlation(values, -values) == pytest.approx(-1)
    assert rank_correlation(values, np.exp(values)) == pytest.approx(1)
    assert ranks(np.array([5.0, 7.0, 7.0, 9.0])).tolist() == [1, 2.5, 2.5, 4]
    assert math.isnan(rank_correlation(values, np.ones(5)))


def test_rates_in_the_wrong_order_are_minus_one_in_their_group_of_five() -> None:
    """Measured 100, 87.5, 75, 62.5, 50 token/s per chip; predicted 1, 2, 3, 4, 5. Four rows are no group."""
    answers = [answer(row, 1, rate=place) for place, row in enumerate(MEASURED, 1)]
    rate = score(accuracy_of(MEASURED, answers), "tokens_per_s_per_chip")
    assert (rate.spearman, rate.groups) == (pytest.approx(-1), 1)
    assert score(accuracy_of(MEASURED[:4], answers[:4]), "tokens_per_s_per_chip").groups == 0


def test_the_worst_row_is_the_furthest_off_by_factor_high_or_low_alike() -> None:
    """r2 at a quarter is further off than r1 at three times."""
    found = accuracy_of(MEASURED, [answer(row, times) for row, times in zip(MEASURED, (3, 0.25, 1, 1, 1, 100), strict=True)])
    worst = [each for each in found.worst if each.figure == "tpot_ms"]
    assert [each.id for each in worst[:2]] == ["r2", "r1"]
    assert (worst[0].measured, worst[0].predicted) == (20, 5)


def test_families_with_too_few_rows_are_not_called_the_worst() -> None:
    rows = [{**MEASURED[0], "id": f"a{place}"} for place in range(5)] + [{**MEASURED[1], "id": "b", "chip": "h200"}]
    found = accuracy_of(rows, [answer(row, 1.2 if row["id"] != "b" else 9) for row in rows])
    assert [each.name.split(" / ")[0] for each in accuracy.worst_families(found, 3)] == ["h100"]


@pytest.mark.parametrize(
    ("row", "said", "figure", "too_high", "reason"),
    [
        ({"ttft_ms": "20000"}, {"ttft_ms": "500"}, "ttft_ms", False, "saturated"),
        ({"ttft_ms": "20000"}, {"ttft_ms": "15000"}, "ttft_ms", False, "none"),
        ({}, {"assumed": "lengths=0.9 of nominal;split=best"}, "tpot_ms", True, "split"),
        ({}, {"assumed": "precision=bf16"}, "tpot_ms", True, "precision"),
        ({"framework": "vllm 9.9"}, {}, "tpot_ms", True, "engine"),
        ({"concurrency_or_batch": "4"}, {}, "tpot_ms", True, "small_batch"),
        ({"isl": "8192"}, {}, "tpot_ms", True, "prefill"),
        ({"spec_decode": "unknown"}, {}, "tpot_ms", True, "speculative"),
        ({"spec_decode": "unknown"}, {}, "tpot_ms", False, "none"),
        ({"spec_decode": "unknown"}, {}, "tokens_per_s_per_chip", False, "speculative"),
        ({}, {"tier": "estimated"}, "tpot_ms", True, "sheet"),
        ({}, {}, "tpot_ms", True, "none"),
    ],
)
def test_reasons_are_what_the_row_shows(row: Row, said: Row, figure: str, too_high: bool, reason: str) -> None:
    whole = MEASURED[0] | row
    assert likely_reasons(whole, answer(MEASURED[0], 1) | said, figure, too_high, ("vllm", "vllm 0.12.0"))[0] == reason


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_figure_and_axis_has_its_words(language: str) -> None:
    row = {"framework": "x", "concurrency_or_batch": "1", "n_chips": "8", "isl": "9", "osl": "1", "ttft_ms": "9e9", "spec_decode": ""}
    assumed = "n_chips=16;split=best;concurrency=best;layout=best;precision=bf16"
    names = likely_reasons(row, {"assumed": assumed, "ttft_ms": "1", "tier": "assumed"}, "tokens_per_s_per_chip", False, ("vllm",))
    assert len(names) == 11
    for name in (*names, "none"):
        assert say(f"accuracy.reason.{name}", language)
    for figure in FIGURES:
        assert say(f"accuracy.figure.{figure}", language)
        assert say(f"accuracy.chart.figure.{figure}", language)
    for left_out in ("chip", "model", "scenario"):
        assert say(f"accuracy.left_out_{left_out}", language)


# ---- the stored summary


def test_a_summary_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = accuracy_of(MEASURED, [answer(row, 1.1) for row in MEASURED])
    rows = summary_rows("chip", found) + summary_rows("model", found, axes=("all",))
    assert all(tuple(row) == COLUMNS for row in rows)
    write_summary(tmp_path / "summary.csv", rows)
    read = read_summary(tmp_path / "summary.csv")
    assert list(read) == ["chip", "model"]
    assert [(each.axis, each.name, each.figure, each.rows) for each in read["model"]] == [
        (each.axis, each.name, each.figure, each.rows) for each in found.of("all")
    ]
    assert read["model"][0].median == pytest.approx(0.1)
    assert math.isnan(next(each for each in read["chip"] if each.figure == "tokens_per_s_per_chip").inside)


# ---- the command


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SUANLI_LANG", "LC_ALL", "LC_MESSAGES", "LANG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def write(path: Path, rows: list[Row]) -> Path:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(file.getvalue(), encoding="utf-8")
    return path


@pytest.fixture
def tables(tmp_path: Path) -> tuple[str, str]:
    """The measured rows, and predictions 10 % too high."""
    return str(write(tmp_path / "own.csv", MEASURED)), str(write(tmp_path / "said.csv", [answer(row, 1.1) for row in MEASURED]))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["accuracy", *arguments])
    out, error = capsys.readouterr()
    return code, out, error


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_starts_with_the_answer_and_fits_100_columns(language: str, tables: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, error = run(capsys, "serving", "--truth", tables[0], "--predictions", tables[1], "--lang", language)
    assert (code, error) == (0, "")
    assert "TPOT 10" in " ".join(out.splitlines()[:2])
    assert "own.csv" in out.splitlines()[0]
    assert "said.csv" in out
    assert "nvidia-h100-sxm5-80gb" in out  # chips go by their id
    assert max(cell_len(line) for line in out.splitlines()) <= 100
    assert (sum("\u4e00" <= letter <= "\u9fff" for letter in out) > 50) == (language == "zh")


def test_json_has_every_score_and_worst_row(tables: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "serving", "--truth", tables[0], "--predictions", tables[1], "--json")
    found = json.loads(out)
    assert (code, found["kind"], found["in_fit"], found["scored"]) == (0, "accuracy", False, 5)
    tpot = next(each for each in found["scores"] if (each["axis"], each["figure"]) == ("all", "tpot_ms"))
    assert tpot["median"] == pytest.approx(0.1)
    assert {each["figure"] for each in found["worst"]} == {"tpot_ms", "tokens_per_s_per_chip"}
    assert "pairs" not in found


def test_without_a_file_of_predictions_they_are_made_now(tables: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    found = api.accuracy_serving(api.open_catalogue(), tables[0])
    assert (found.scored, found.answered, found.predictions, found.in_fit) == (5, 5, "", False)
    assert "not in the fit" in " ".join(run(capsys, "serving", "--truth", tables[0])[1].split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["servin"], "Nearest: serving"),
        (["serving", "--truth", "{folder}/none.csv"], "none.csv: no such file"),
        (["serving", "--truth", "{folder}/own.csv", "--predictions", "{folder}/none.csv"], "none.csv: no such file"),
        (["serving", "--truth", "{folder}/own.csv", "--predictions", "{folder}/own2.csv"], "not one id of it is in"),
        (["serving", "--truth", "{folder}/own.csv", "-o", "{folder}/x.gif"], "Nearest:"),
        (["serving", "--truth", "{folder}/own.csv", "-o", "{folder}/none/x.svg"], "no such folder"),
        (["serving", "-o", "{folder}/x.svg"], "--truth is missing"),
        (["serving", "--predictions", "{folder}/own.csv"], "--truth is missing"),
        ([], "KIND is missing"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_a_wrong_call_is_one_line_and_exit_code_2(arguments: list[str], said: str, tables: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(tables[0]).parent
    write(folder / "own2.csv", [{**MEASURED[0], "id": "other"}])
    code, out, error = run(capsys, *(each.replace("{folder}", str(folder)) for each in arguments))
    assert (code, out) == (2, "")
    assert said in error
    assert error.count("\n") == 1


def test_predictions_without_a_figure_are_refused(tables: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="tpot_ms: missing"):
        api.accuracy_serving(api.open_catalogue(), tables[0], write(tmp_path / "blank.csv", [{"id": "r1"}]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_stored_summary_the_command_says_so_in_one_line(language: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(Catalogue, "all_paths", lambda *_: [])
    code, out, error = run(capsys, "serving", "--lang", language)
    assert (code, out, error.count("\n")) == (3, "", 1)
    assert "--truth" in error


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_stored_summary_is_shown_with_what_was_left_out(language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "calibration").mkdir()
    found = accuracy_of(MEASURED, [answer(row, 1.1) for row in MEASURED])
    write_summary(tmp_path / "calibration" / "serving_accuracy.csv", summary_rows("chip", found) + summary_rows("model", found))
    code, out, error = run(capsys, "serving", "--data", str(tmp_path), "--lang", language)
    assert (code, error) == (0, "")
    assert "TPOT 10" in " ".join(out.split())
    for left_out in ("chip", "model"):
        assert say(f"accuracy.left_out_{left_out}", language) in out
    assert max(cell_len(line) for line in out.splitlines()) <= 100
    as_json = json.loads(run(capsys, "serving", "--data", str(tmp_path), "--json")[1])
    assert as_json["left_out"]["chip"][0]["rows"] == 5


@pytest.mark.skipif(not (DATA / "calibration" / "serving_accuracy.csv").is_file(), reason="no summary is stored yet (make fit writes it)")
def test_the_bundled_summary_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "serving")
    assert code == 0
    assert "TPOT" in out


# ---- the chart


def test_the_chart_has_a_point_a_row_and_a_panel_a_figure() -> None:
    """Five judged rows; TPOT and the rate were measured, so two panels; r1: measured 10, predicted 11 ms."""
    found = accuracy_of(MEASURED, [answer(row, 1.1) for row in MEASURED])
    spec = json.loads(json.dumps(accuracy_chart(found, Tongue("en")), allow_nan=False))
    points = spec["datasets"]["rows"]
    assert spec["$schema"] == SCHEMA
    assert [each["id"] for each in points] == ["r1", "r2", "r3", "r4", "r5"]
    assert points[0]["tpot_ms"] == [10, 11]
    assert len(spec["hconcat"]) == 2
    for panel in spec["hconcat"]:
        line = panel["layer"][1]["data"]["values"]
        assert all(end["x"] == end["y"] for end in line)
        domain = panel["layer"][2]["encoding"]["x"]["scale"]["domain"]
        assert domain == [line[0]["x"], line[1]["x"]] == panel["layer"][2]["encoding"]["y"]["scale"]["domain"]
    assert {"color", "shape", "tooltip"} <= spec["hconcat"][0]["layer"][2]["encoding"].keys()


def test_a_chart_of_fewer_rows_takes_the_same_ones_every_time() -> None:
    found = accuracy_of(MEASURED, [answer(row, 1.1) for row in MEASURED])
    for _ in range(2):
        assert [each["id"] for each in accuracy_chart(found, Tongue("en"), most=2)["datasets"]["rows"]] == ["r1", "r3"]


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(BadInput, match="nothing to draw"):
        accuracy_chart(accuracy_of(MEASURED, []), Tongue("en"))


def test_the_chart_speaks_the_language_asked_for() -> None:
    found = accuracy_of(MEASURED, [answer(row, 1.1) for row in MEASURED])
    assert accuracy_chart(found, Tongue("zh"))["title"]["text"] == say("accuracy.chart.title", "zh")
    assert accuracy_chart(found, Tongue("zh"))["hconcat"][0]["layer"][2]["encoding"]["x"]["title"] == say("accuracy.chart.measured", "zh")


@pytest.mark.parametrize("suffix", draw.SUFFIXES)
def test_a_chart_is_written_as_asked(suffix: str, tables: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if suffix != ".json":
        pytest.importorskip("vl_convert")
    out = tmp_path / f"chart{suffix}"
    code, text, error = run(capsys, "serving", "--truth", tables[0], "--predictions", tables[1], "-o", str(out))
    assert (code, error) == (0, "")
    assert f"chart{suffix}" in text
    start: dict[str, bytes] = {".svg": b"<svg", ".png": b"\x89PNG", ".html": b"<!DOCTYPE html>", ".json": b"{"}
    assert out.read_bytes().startswith(start[suffix])
    if suffix == ".html":
        page = out.read_text(encoding="utf-8")
        assert not [each for each in ("<script src", "<link", "import(", 'from "http') if each in page]  # nothing is fetched
        assert len(page) > 500_000  # the JavaScript is inside


def test_without_the_converter_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tables: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    code, _, error = run(capsys, "serving", "--truth", tables[0], "--predictions", tables[1], "-o", str(tmp_path / "x.svg"))
    assert code == 2
    assert "suanli[charts]" in error


def test_a_chinese_picture_without_a_chinese_font_is_refused(
    monkeypatch: pytest.MonkeyPatch, tables: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("vl_convert")
    monkeypatch.setattr(draw, "chinese_font", lambda: "")
    common = ["serving", "--truth", tables[0], "--predictions", tables[1], "--lang", "zh", "-o"]
    code, _, error = run(capsys, *common, str(tmp_path / "x.png"))
    assert code == 2
    assert "fonts-noto-cjk" in error
    code, out, _ = run(capsys, *common, str(tmp_path / "x.svg"))
    assert code == 0
    assert say("accuracy.font_of_viewer", "zh", out="").split("：")[0] in out


# ---- the measured table and the page


@needs_truth
def test_the_fitted_table_is_told_apart_and_its_counts_are_those_of_the_table() -> None:
    """2,378 rows, one suspect, 141 with multi-token prediction; in the fit where the calibration names this very file."""
    found = api.accuracy_serving(api.open_catalogue(), TRUTH)
    assert (found.rows, found.suspect, found.speculative, found.scored) == (2378, 1, 141, 2236)
    assert {each.name for each in found.of("mode")} == {"agg", "disagg"}
    assert score(found, "tpot_ms").rows == score(found, "tpot_ms", "mode", "agg").rows + score(found, "tpot_ms", "mode", "disagg").rows


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_accuracy", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script()


def test_the_page_keeps_what_is_written_by_hand(script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("vl_convert")
    for name in ("truth", "build", "docs"):
        (tmp_path / name).mkdir()
    for name in ("silicon", "offline_batch"):
        write(tmp_path / "truth" / f"serving_{name}.csv", MEASURED)
    arguments = [str(tmp_path / "truth"), "--build", str(tmp_path / "build"), "--docs", str(tmp_path / "docs")]
    assert script.main(arguments) == 2
    assert "make fit" in capsys.readouterr().err
    for name in ("chip", "model", "scenario", "offline_batch"):
        write(tmp_path / "build" / f"left_out_{name}.csv", [answer(row, 1.1) for row in MEASURED])
    assert script.main(arguments) == 0
    page = (tmp_path / "docs" / "accuracy.md").read_text(encoding="utf-8")
    for part in ("One chip left out at a time", "One model left out at a time", "TPOT 10 %", "## Export rules", "4,147,576", "accuracy-serving.svg"):
        assert part in page
    assert script.PLACE not in page
    assert script.TRAINING_PLACE not in page
    assert (tmp_path / "docs" / "accuracy-serving.svg").stat().st_size < 500_000
    assert str(tmp_path) not in page
