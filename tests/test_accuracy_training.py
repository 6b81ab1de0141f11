"""How predictions of training are judged: the arithmetic on a hand-made table, marks, the command in both languages, the chart, the summary and the page."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from suanli import api
from suanli.cli.main import main
from suanli.errors import BadFile, BadInput
from suanli.facts import Catalogue
from suanli.performance.accuracy import training
from suanli.performance.accuracy.errors import mean_of_groups
from suanli.performance.accuracy.marks import MARKS, marked
from suanli.performance.accuracy.summary import STORED_MLPERF, read_training_summary, summary_rows, write_summary
from suanli.performance.accuracy.training import RATES, TIME_TO_TRAIN, TrainingAccuracy, TrainingScore, accuracy_of_training
from suanli.performance.accuracy.training_reasons import ASSUMED, likely_reasons
from suanli.reporting.accuracy_training import UNITS, training_report
from suanli.reporting.charts import training_chart
from suanli.reporting.document import Line
from suanli.reporting.tongue import Tongue
from suanli.words import LANGUAGES, say, sentences

TRUTH = Path(__file__).parents[2] / "shared" / "truth"
needs_truth = pytest.mark.skipif(not (TRUTH / "training.csv").is_file(), reason="the measured tables (../shared/truth) are not here")
Row = dict[str, str]


def row(name: str, group: str, **given: str) -> Row:
    blank = dict.fromkeys(("n_chips", "tp", "pp", "ep", "seq_len", "global_batch", "framework", "notes", *RATES), "")
    return {**blank, "id": name, "group": group, "chip": "H100-SXM-80GB", "model": "llama-3.1-70b", "precision": "bf16", "date": "2025"} | given


#: two groups: a step of 10 s, a step of 20 s; and a single row of 1,000 token/s per chip on a TPU, of a mixture in FP8
MEASURED = [
    row("a1", "narayanan2021/table1", global_batch="64", iter_time_s="10", tokens_per_s_per_chip="777", mfu="0.5"),
    row("a2", "narayanan2021/table1", iter_time_s="20"),
    row("b1", "maxtext/x", tokens_per_s_per_chip="1000", chip="TPU-v5p", precision="fp8", model="Mixtral 8x22B", framework="MaxText"),
]
#: MLPerf: the first has both step times, the second none, the third is posted again, the fourth no language model
MLPERF = [
    {
        "id": f"m{place}",
        "round": "v4.1",
        "submitter": "Dell",
        "chip": "H100-SXM",
        "n_chips": "8",
        "framework": "NVIDIA NeMo Framework Release 24.09",
        "precision": "FP8 (config)",
        "benchmark": benchmark,
        "time_to_train_min": "100",
        "step_time_s_logged": logged,
        "step_time_s_derived": derived,
        "tokens_per_s_per_chip": "5000",
        "parallelism_json": "",
        "duplicate_of_round": again,
        "samples_to_converge": "3072",
    }
    for place, (benchmark, logged, derived, again) in enumerate(
        [("gpt3", "2", "3", ""), ("llama2_70b_lora", "", "", ""), ("gpt3", "2", "3", "v4.0"), ("resnet", "1", "1", "")], 1
    )
]


def answer(of: Row, times: float, low: float = 0.8, high: float = 1.25) -> Row:
    """A prediction of ``times`` every figure of the row, within ``low`` and ``high`` times that."""
    found = {"id": of["id"]}
    for name in (*RATES, TIME_TO_TRAIN):
        value = float((of.get("step_time_s_logged") if of.get("benchmark") and name == "iter_time_s" else of.get(name)) or "nan") * times
        found |= {name + end: f"{value * by}" if math.isfinite(value) else "" for end, by in (("", 1.0), ("_low", low), ("_high", high))}
    return found | {"why_not": "", "tier": "derived", "bound_by": "compute", "assumed": "recompute=least that fits"}


def score(found: TrainingAccuracy, axis: str = "all", name: str = "", figure: str = "rate") -> TrainingScore:
    (one,) = [each for each in found.of(axis, name) if each.figure == figure]
    return one


def test_a_row_is_judged_by_its_step_time_else_tokens_else_flops_else_mfu() -> None:
    assert [training.judged_column(each) for each in MEASURED] == ["iter_time_s", "iter_time_s", "tokens_per_s_per_chip"]
    assert training.judged_column(row("x", "g", mfu="0.4", tflops_per_chip="400")) == "tflops_per_chip"
    assert training.judged_column(row("x", "g", mfu="0.4")) == "mfu"
    # the step of a batch that nobody stated cannot be foretold, its rate can
    assert training.judged_column(row("x", "g", iter_time_s="10", tokens_per_s_per_chip="777")) == "tokens_per_s_per_chip"
    assert training.judged_column(row("x", "g")) == ""


def test_a_step_predicted_too_long_is_a_rate_too_low() -> None:
    """Steps at 1.25 times the measured are a rate of 0.8: -20 %. Tokens/s at 1.25 times the measured: +25 %."""
    found = accuracy_of_training(MEASURED, [answer(each, 1.25) for each in MEASURED])
    assert score(found, "basis", "iter_time_s").bias == pytest.approx(-0.2)
    assert score(found, "basis", "tokens_per_s_per_chip").bias == pytest.approx(0.25)


def test_every_group_counts_once() -> None:
    """Rates at 0.8 and 1 of two rows (mean 0.1), and 1.25 of one: (0.1 + 0.25) / 2 = 0.175; over rows (0.2 + 0 + 0.25) / 3 = 0.15."""
    found = accuracy_of_training(MEASURED, [answer(each, times) for each, times in zip(MEASURED, (1.25, 1, 1.25), strict=True)])
    one = score(found)
    assert (one.rows, one.answered, one.groups) == (3, 3, 2)
    assert (one.group_mean, one.mean) == pytest.approx((0.175, 0.15))
    assert mean_of_groups(np.zeros(0), np.zeros(0, dtype=np.str_))[1] == 0


def test_the_interval_is_of_the_figure_as_it_is_stated() -> None:
    """0.9 to 1.1 times the prediction: 1.05 times the measured holds it, whether a time or a rate; 1.3 times does not."""
    answers = [answer(each, times, 0.9, 1.1) for each, times in zip(MEASURED, (1.05, 1.3, 1.05), strict=True)]
    assert score(accuracy_of_training(MEASURED, answers)).inside == pytest.approx(2 / 3)


def test_a_row_without_an_answer_counts_as_not_answered_with_its_reason() -> None:
    found = accuracy_of_training(MEASURED, [answer(MEASURED[2], 1), {"id": "a1", "why_not": "weights", "iter_time_s": ""}])
    assert (found.scored, found.answered) == (3, 1)
    assert found.why_not == {"weights": 1, "no_prediction": 1}
    assert score(found).groups == 1


def test_mlperf_rows_are_judged_by_the_logged_step_and_the_time_to_train() -> None:
    """Of four rows one is posted again and one no language model; both figures at 1.25 times the time are 20 % too slow."""
    found = accuracy_of_training(MLPERF, [answer(each, 1.25) for each in MLPERF])
    assert (found.rows, found.outside, found.duplicate, found.unmeasured, found.scored, found.answered) == (4, 1, 1, 0, 2, 2)
    assert (score(found).rows, score(found).bias) == (1, pytest.approx(-0.2))
    assert (score(found, figure="time_to_train").rows, score(found, figure="time_to_train").bias) == (2, pytest.approx(-0.2))
    assert training.group_of(MLPERF[0]) == "v4.1/Dell/gpt3/H100-SXM"
    assert training.measured_of(MLPERF[0] | {"step_time_s_logged": ""}, "iter_time_s") == 3
    assert [each.name for each in found.of("kind") if each.figure == "time_to_train"] == ["lora", "pretraining"]
    assert found.of("framework")[0].name == "nemo"


@pytest.mark.parametrize(
    ("given", "kind", "shape"),
    [
        ({"model": "LLAMA3_70B (LoRA)"}, "lora", "dense"),
        ({"notes": "DGX-H100; packed SQuAD", "group": "nemo-2024/24.07/finetune"}, "finetuning", "dense"),
        ({"model": "LLAMA3_70B (SFT)"}, "finetuning", "dense"),
        ({"model": "Qwen3_30B_a3B"}, "pretraining", "mixture"),
        ({"model": "GPT OSS 120B"}, "pretraining", "mixture"),
        ({"ep": "8"}, "pretraining", "mixture"),
        ({"ep": "8", "shape": "dense"}, "pretraining", "dense"),
    ],
)
def test_kind_and_shape_are_read_off_the_row(given: Row, kind: str, shape: str) -> None:
    of = row("x", "g") | given
    assert (training.kind_of(of), training.shape_of(of)) == (kind, shape)


def test_the_worst_row_is_the_furthest_off_by_factor_and_says_how_fast() -> None:
    """A step at 4 times the measured is further off than tokens/s at 3 times; the rate of the first is a quarter."""
    found = accuracy_of_training(MEASURED, [answer(each, times) for each, times in zip(MEASURED, (1, 4, 3), strict=True)])
    assert [(each.id, each.column, each.ratio) for each in found.worst[:2]] == [("a2", "iter_time_s", 0.25), ("b1", "tokens_per_s_per_chip", 3)]
    assert [(each.score.name, round(each.score.group_mean, 3)) for each in found.worst_groups] == [("maxtext/x", 2), ("narayanan2021/table1", 0.375)]


# ---- marks


def test_marks_compare_what_was_reached_with_what_was_asked() -> None:
    """Narayanan: 0 and -20 % (mean 10 %, asked 5); the FP8 mixture on a TPU +25 %; all groups (10 + 25) / 2 = 17.5 %; all within 0.8 to 1.25."""
    found = accuracy_of_training(MEASURED, [answer(each, times) for each, times in zip(MEASURED, (1, 1.25, 1.25), strict=True)])
    reached = {each.mark.name: each for each in marked(found.scores)}
    assert list(reached) == ["all", "papers", "fp8", "mixture", "tpu", "inside", "answered"]
    assert {name: each.value for name, each in reached.items()} == pytest.approx(
        {"all": 0.175, "papers": 0.1, "fp8": 0.25, "mixture": 0.25, "tpu": 0.25, "inside": 1, "answered": 1}
    )
    assert [name for name, each in reached.items() if each.met] == ["answered"]
    by_chip = {each.mark.name: each for each in marked(found.scores, "chip")}
    assert "all" not in by_chip
    assert (by_chip["unseen_chip"].value, by_chip["unseen_chip"].met) == (pytest.approx(0.175), False)


def test_mlperf_has_marks_of_its_own() -> None:
    found = accuracy_of_training(MLPERF, [answer(each, 1 / 1.1) for each in MLPERF])
    assert [(each.mark.name, round(each.value, 3), each.met) for each in marked(found.scores)] == [("mlperf_step", 0.1, True), ("mlperf_time", 0.1, True)]


# ---- reasons and words


@pytest.mark.parametrize(
    ("given", "said", "column", "reason"),
    [
        ({"framework": "MegaScale ablation: +sliding window attention"}, {}, "mfu", "changed"),
        ({"group": "dgxc/grok1", "n_chips": "64"}, {}, "iter_time_s", "layers"),
        ({"group": "dgxc/grok1", "n_chips": "64", "notes": "16 layers"}, {}, "iter_time_s", "none"),
        ({"model": "llava1.5_7b"}, {}, "iter_time_s", "parts"),
        ({}, {}, "tflops_per_chip", "counting"),
        ({}, {"assumed": "layout=best;recompute=least that fits"}, "iter_time_s", "layout"),
        ({}, {"assumed": "recompute=least that fits"}, "iter_time_s", "recompute"),
        ({}, {"tier": "estimated"}, "iter_time_s", "sheet"),
        ({"precision": "nvfp4"}, {}, "iter_time_s", "narrow"),
        ({"seq_len": "65536"}, {}, "iter_time_s", "long"),
        ({"params": "1e9"}, {}, "iter_time_s", "small"),
        ({"n_chips": "4096"}, {}, "iter_time_s", "scale"),
        ({}, {}, "iter_time_s", "none"),
    ],
)
def test_reasons_are_what_the_row_shows(given: Row, said: Row, column: str, reason: str) -> None:
    of = row("x", "g") | given
    about = {"kind": training.kind_of(of), "shape": training.shape_of(of), "precision": of["precision"], "group": of["group"]}
    assert likely_reasons(of, said, column, True, about)[0] == reason


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_mark_and_axis_has_its_words(language: str) -> None:
    of = row(
        "x", "dgxc/x", framework="MegaScale ablation: +x", model="llava", notes="whole-run; offload=True; packed", n_chips="4096", seq_len="1e5", params="1"
    )
    about = {"kind": "lora", "shape": "mixture", "precision": "fp4", "group": "x"}
    assumed = ";".join(words[0] for words in ASSUMED.values())
    names = {"layers", "packing", *likely_reasons(of, {"assumed": assumed, "tier": "assumed"}, TIME_TO_TRAIN, True, about)}
    names |= {"counting", *likely_reasons(of, {}, "iter_time_s", False, about | {"kind": "finetuning"}), "none"}
    assert names == {each.partition(".")[2] for each in sentences(language, "accuracy") if each.startswith("training_reason.")}
    for mark in MARKS:
        assert say(f"accuracy.mark.{mark.name}", language)
    for column in UNITS:
        assert say(f"accuracy.basis.{column}", language)
    for way in ("group", "chip", "model"):
        assert say(f"accuracy.left_out_{way}", language)


# ---- the stored summary


def judged(times: float = 1.1) -> TrainingAccuracy:
    return accuracy_of_training(MEASURED, [answer(each, times) for each in MEASURED])


def test_a_summary_is_read_as_it_was_written(tmp_path: Path) -> None:
    mlperf = accuracy_of_training(MLPERF, [answer(each, 1.1) for each in MLPERF])
    rows = [*summary_rows("group", judged()), *summary_rows("group", mlperf, STORED_MLPERF), *summary_rows("chip", judged())]
    write_summary(tmp_path / "summary.csv", rows, "fit_training.py")
    assert (tmp_path / "summary.csv").read_text(encoding="utf-8").startswith("# Written by scripts/fit_training.py")
    read = read_training_summary(tmp_path / "summary.csv")
    assert list(read) == ["group", "chip"]
    assert {each.axis for each in read["group"]} == {"all", "mark", "kind", "shape", "basis", "chip", "model", "framework", "precision"}
    assert [each.mark.name for each in marked(read["group"], "group")][-2:] == ["mlperf_step", "mlperf_time"]
    (whole,) = [each for each in read["chip"] if each.axis == "all"]
    assert (whole.rows, whole.group_mean) == (3, pytest.approx(score(judged()).group_mean, rel=1e-3))


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
    """The measured rows, and predictions of 1.25 times every figure."""
    return str(write(tmp_path / "own.csv", MEASURED)), str(write(tmp_path / "said.csv", [answer(each, 1.25) for each in MEASURED]))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["accuracy", "training", *arguments])
    out, error = capsys.readouterr()
    return code, out, error


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_starts_with_the_answer_and_fits_100_columns(language: str, tables: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Group a: 20 %, group b: 25 %; mean 22.5 %, said as 22."""
    code, out, error = run(capsys, "--truth", tables[0], "--predictions", tables[1], "--lang", language)
    assert (code, error) == (0, "")
    assert "22" in " ".join(out.splitlines()[:2])
    assert "own.csv" in out.splitlines()[0]
    assert "said.csv" in out
    for part in ("google-tpu-v5p", "mixtral-8x22b", say("accuracy.mark.papers", language)[:9], say("accuracy.kind.pretraining", language)):
        assert part in out
    assert max(cell_len(line) for line in out.splitlines()) <= 100
    assert (sum("\u4e00" <= letter <= "\u9fff" for letter in out) > 50) == (language == "zh")


def test_json_has_marks_scores_and_worst(tables: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--truth", tables[0], "--predictions", tables[1], "--json")
    found = json.loads(out)
    assert (code, found["kind"], found["of"], found["scored"]) == (0, "accuracy", "training", 3)
    whole = next(each for each in found["scores"] if each["axis"] == "all")
    assert whole["group_mean"] == pytest.approx(0.225)
    assert found["marks"][0]["mark"]["name"] == "all"
    assert [each["score"]["name"] for each in found["worst_groups"]] == ["maxtext/x", "narayanan2021/table1"]
    assert "pairs" not in found


def test_without_a_file_of_predictions_they_are_made_now(tables: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suanli.api.training.predict_training", lambda *_: [answer(each, 1) for each in MEASURED])
    found = api.accuracy_training(api.open_catalogue(), tables[0])
    assert (found.scored, found.answered, found.predictions, found.in_fit) == (3, 3, "", False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--truth", "{folder}/none.csv"], "none.csv: no such file"),
        (["--truth", "{folder}/own.csv", "--predictions", "{folder}/none.csv"], "none.csv: no such file"),
        (["--truth", "{folder}/own.csv", "--predictions", "{folder}/own2.csv"], "not one id of it is in"),
        (["--truth", "{folder}/own.csv", "--predictions", "{folder}/own.csv", "-o", "{folder}/x.gif"], "Nearest:"),
        (["-o", "{folder}/x.svg"], "--truth is missing"),
        (["--predictions", "{folder}/own.csv"], "--truth is missing"),
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
    with pytest.raises(BadFile, match="iter_time_s: missing"):
        api.accuracy_training(api.open_catalogue(), tables[0], write(tmp_path / "blank.csv", [{"id": "a1"}]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_stored_summary_the_command_says_so_in_one_line(language: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(Catalogue, "all_paths", lambda *_: [])
    code, out, error = run(capsys, "--lang", language)
    assert (code, out, error.count("\n")) == (3, "", 1)
    assert "--truth" in error


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_stored_summary_is_shown_with_what_was_left_out(language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "calibration").mkdir()
    rows = [each for way in ("group", "chip", "model") for each in summary_rows(way, judged())]
    write_summary(tmp_path / "calibration" / "training_accuracy.csv", rows, "fit_training.py")
    code, out, error = run(capsys, "--data", str(tmp_path), "--lang", language)
    assert (code, error) == (0, "")
    flat = "".join(out.split())
    for way in ("group", "chip", "model"):
        assert "".join(say(f"accuracy.left_out_{way}", language).split()) in flat
    assert max(cell_len(line) for line in out.splitlines()) <= 100
    as_json = json.loads(run(capsys, "--data", str(tmp_path), "--json")[1])
    assert as_json["left_out"]["chip"][0]["rows"] == 3
    assert as_json["marks"]["chip"][0]["mark"]["name"] == "unseen_chip"


# ---- the chart


def test_the_chart_has_a_panel_for_each_column_that_is_judged() -> None:
    """a1: measured 10 s, predicted 11 s; b1: 1,000 and 1,100 token/s; the line is the diagonal of both axes."""
    spec = json.loads(json.dumps(training_chart(judged(), Tongue("en")), allow_nan=False))
    points = spec["datasets"]["rows"]
    assert (points[0]["iter_time_s"], points[2]["tokens_per_s_per_chip"]) == ([10, 11], [1000, 1100])
    assert "tokens_per_s_per_chip" not in points[0]  # one figure a row
    assert [each["title"]["text"] for each in spec["concat"]] == ["step time, s", "tokens/s per chip"]
    for panel in spec["concat"]:
        assert all(end["x"] == end["y"] for end in panel["layer"][1]["data"]["values"])
        assert {"color", "shape", "tooltip"} <= panel["layer"][2]["encoding"].keys()
    assert spec["params"][0]["bind"]["options"] == ["chip", "model", "framework", "precision", "kind"]
    mlperf = accuracy_of_training(MLPERF, [answer(each, 1.1) for each in MLPERF])
    assert [each["title"]["text"] for each in training_chart(mlperf, Tongue("en"))["concat"]] == ["step time, s", "time to train, min"]
    with pytest.raises(BadInput, match="nothing to draw"):
        training_chart(accuracy_of_training(MEASURED, []), Tongue("en"))


@pytest.mark.parametrize("suffix", [".svg", ".html", ".json"])
def test_a_chart_is_written_as_asked(suffix: str, tables: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if suffix != ".json":
        pytest.importorskip("vl_convert")
    out = tmp_path / f"chart{suffix}"
    code, text, error = run(capsys, "--truth", tables[0], "--predictions", tables[1], "-o", str(out))
    assert (code, error) == (0, "")
    assert f"chart{suffix}" in text
    start: dict[str, bytes] = {".svg": b"<svg", ".html": b"<!DOCTYPE html>", ".json": b"{"}
    assert out.read_bytes().startswith(start[suffix])


def test_a_public_report_holds_no_measured_value_of_a_single_row() -> None:
    report = training_report(judged(), Tongue("en"), public=True)
    worst = [each.text for each in report.blocks if isinstance(each, Line) and "as fast as measured" in each.text]
    assert len(worst) == 3
    assert not [each for each in worst if " for " in each.partition(":")[2].partition("[")[0]]


# ---- the measured tables and the page


@needs_truth
def test_every_row_of_the_measured_table_has_a_figure_and_a_group() -> None:
    """669 rows in 129 groups; MLPerf's language models are 163 rows, six of them posted again."""
    with (TRUTH / "training.csv").open(encoding="utf-8") as file:
        found = accuracy_of_training(list(csv.DictReader(file)), [])
    assert (found.rows, found.scored, found.answered, found.unmeasured) == (669, 669, 0, 0)
    assert len(found.of("group")) == 129
    with (TRUTH / "mlperf_training.csv").open(encoding="utf-8") as file:
        mlperf = accuracy_of_training(list(csv.DictReader(file)), [])
    assert (mlperf.rows - mlperf.outside, mlperf.duplicate, mlperf.scored) == (163, 6, 157)


def test_the_page_has_a_part_on_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from test_accuracy import load_script

    pytest.importorskip("vl_convert")
    script = load_script()
    write(tmp_path / "training.csv", MEASURED)
    write(tmp_path / "mlperf_training.csv", MLPERF)
    answers = [answer(each, 1.1) for each in (*MEASURED, *MLPERF)]
    files = {way: write(tmp_path / f"left_out_training_{way}.csv", answers) for way in ("group", "chip")}
    published = [{**each, "source_url": "https://arxiv.org/abs/1"} for each in MEASURED[:2]]
    given = [answer(MEASURED[0], 1.25), {"id": "a2", "why_not": "unknown_chip"}]
    monkeypatch.setattr("suanli.api.training.predict_training", lambda *_: given)
    text, chart = script.training_part(tmp_path, files, write(tmp_path / "published.csv", published))
    assert chart.startswith(b"<svg")
    for part in (
        "## Training: groups, chips and models the fit had not seen",
        "### Training: one chip left out at a time",
        "### MLPerf Training",
        "all groups, on a chip the fit had never seen",
        "| llama-3.1-70b | nvidia-h100-sxm5-80gb | step time, s | 10 | 12.5 | 10 to 15.6 | -20 | [arxiv.org](https://arxiv.org/abs/1) |",
        "the chip is not in the catalogue",
        script.TRAINING_CHART,
    ):
        assert part in text
    assert str(tmp_path) not in text
    assert script.training_part(tmp_path, {}, tmp_path / "none.csv") == ("", b"")
