"""Predictions of case files: every row a number or a reason, what was blank is said, and measured deployments are not missed by much."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from suanli import api
from suanli.errors import BadFile
from suanli.facts import Catalogue
from suanli.performance.reasons import Reason

CASES = Path(__file__).parent / "cases" / "serving_cases.csv"
TRUTH = Path(__file__).parents[2] / "shared" / "truth" / "serving_silicon.csv"
needs_truth = pytest.mark.skipif(not TRUTH.is_file(), reason="the measured tables (../shared/truth) are not here")
Rows = dict[str, dict[str, str]]


def read(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(line for line in file if not line.startswith("#"))}


def answers_of(path: Path) -> Rows:
    return {row["id"]: row for row in api.predict_serving(api.open_catalogue(), path)}


@pytest.fixture(scope="module")
def cases() -> Rows:
    return read(CASES)


@pytest.fixture(scope="module")
def answers() -> Rows:
    return answers_of(CASES)


def check_complete(row: dict[str, str]) -> None:
    """A row is a whole answer with its interval and tier, or blank with a reason; never both, never neither."""
    numbers = {name: [row[name + suffix] for suffix in ("_low", "", "_high")] for name in api.PREDICTED}
    if row["why_not"]:
        assert not any(any(values) for values in numbers.values()), row["id"]
        assert all(Reason[name.upper()] for name in row["why_not"].split(";"))
        return
    for values in numbers.values():
        low, mid, high = map(float, values)
        assert 0 < low <= mid <= high < math.inf, row["id"]
    assert row["tier"]
    assert row["bound_by"]


# --- our own cases ---------------------------------------------------------------------------------------------------------------


def test_every_case_is_answered_in_its_place(cases, answers):
    assert list(answers) == list(cases)


@pytest.mark.parametrize("name", read(CASES))
def test_a_case_has_its_reason_or_a_whole_answer_and_says_what_was_assumed(cases, answers, name):
    case, answer = cases[name], answers[name]
    check_complete(answer)
    assert answer["why_not"] == case["expect_why_not"]
    assert answer["assumed"] == case["expect_assumed"]
    if case["expect_chips"]:
        per_chip = float(answer["tokens_per_s_total"]) / float(answer["tokens_per_s_per_chip"])
        assert per_chip == pytest.approx(float(case["expect_chips"]), rel=1e-4)


def test_the_name_of_a_chip_or_model_does_not_change_the_answer(answers):
    assert answers["whole"]["tpot_ms"] == answers["by-id"]["tpot_ms"]


def test_the_chosen_load_keeps_the_usual_time_per_token_and_offline_serves_more(answers):
    assert float(answers["no-load"]["tpot_ms"]) <= 50
    assert float(answers["offline"]["tokens_per_s_total"]) >= float(answers["no-load"]["tokens_per_s_total"])


def test_clients_times_output_over_their_time_is_the_rate(answers):
    # the tables' own arithmetic: concurrency x osl / (ttft + tpot (osl - 1)); 32 clients, 1,024 tokens
    row = {name: float(answers["whole"][name]) for name in api.PREDICTED}
    assert row["tokens_per_s_total"] == pytest.approx(32 * 1024 / (row["ttft_ms"] + row["tpot_ms"] * 1023) * 1e3, rel=1e-4)


def test_speculation_is_counted_as_it_is_said(answers, tmp_path):
    with_it = float(answers["eagle"]["tpot_ms"])
    text = "id,chip,n_chips,model,precision,framework,mode,isl,osl,concurrency_or_batch,tp\nx,h100,8,Llama-3.1-70B,fp8,sglang,agg,1024,1024,16,8\n"
    plain = answers_of(written(tmp_path, text))
    # 1.8 tokens a step; what the prompts of the 15 others take is not shortened
    assert float(plain["x"]["tpot_ms"]) / 1.8 < with_it < float(plain["x"]["tpot_ms"]) / 1.4


def test_a_chip_known_by_its_sheet_only_has_a_wider_interval(answers):
    def width(name: str) -> float:
        return float(answers[name]["tpot_ms_high"]) / float(answers[name]["tpot_ms_low"])

    assert width("ascend") > width("whole")


def written(folder: Path, text: str) -> Path:
    path = folder / "cases.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_single_row_with_the_fewest_columns_is_answered(tmp_path):
    answer = answers_of(written(tmp_path, "id,chip,model,isl,osl\na,h100,llama-3.1-8b,1000,100\n"))["a"]
    check_complete(answer)
    assert not answer["why_not"]
    assert answer["assumed"] == "concurrency=best at tpot up to 50 ms;precision=bf16;framework=any;layout=best"


def test_a_row_does_not_depend_on_its_neighbours(answers, tmp_path):
    lines = [line for line in CASES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    alone = next(line for line in lines if line.startswith("split-known,"))
    assert answers_of(written(tmp_path, f"{lines[0]}\n{alone}\n"))["split-known"] == answers["split-known"]


def test_the_case_id_may_be_called_case_id(tmp_path):
    (row,) = api.predict_serving(api.open_catalogue(), written(tmp_path, "case_id,chip,model,isl,osl\na,h100,llama-3.1-8b,1000,100\n"))
    assert row["case_id"] == "a"


@pytest.mark.parametrize(("text", "part"), [("", "id: missing"), ("chip,model\nh100,llama-3.1-8b\n", "id: missing")])
def test_a_file_without_cases_is_one_line(tmp_path, text, part):
    with pytest.raises(BadFile) as caught:
        api.predict_serving(api.open_catalogue(), written(tmp_path, text))
    assert part in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(BadFile, match="no such file"):
        api.predict_serving(Catalogue(), tmp_path / "none.csv")


# --- measured deployments: a fence against regressions; how good the predictions are is on the accuracy page ----------------------


@pytest.fixture(scope="module")
def measured() -> tuple[Rows, Rows]:
    return read(TRUTH), answers_of(TRUTH)


@needs_truth
def test_every_measured_row_gets_a_number_or_a_reason_and_99_percent_a_number(measured):
    rows, answers = measured
    assert list(answers) == list(rows)
    for answer in answers.values():
        check_complete(answer)
    assert sum(not answer["why_not"] for answer in answers.values()) >= 0.99 * len(rows)


@needs_truth
@pytest.mark.parametrize("column", ["tpot_ms", "tokens_per_s_per_chip"])
def test_the_median_error_of_aggregated_deployments_stays_under_a_fifth(measured, column):
    rows, answers = measured
    counted = [name for name, row in rows.items() if row["mode"] == "agg" and row["quality"] != "suspect" and row["spec_decode"] != "mtp" and row[column]]
    pairs = np.array([(float(answers[name][column] or "nan"), float(rows[name][column])) for name in counted])
    assert len(pairs) > 1000
    assert np.nanmedian(np.abs(pairs[:, 0] / pairs[:, 1] - 1)) < 0.20


def test_a_load_just_above_a_power_of_two_waits_at_separate_trtllm_workers(tmp_path):
    """36 clients of four workers are taken for four batches of 8; 32 clients for what they are, and other engines take all."""
    head = "id,chip,model,precision,framework,mode,isl,osl,concurrency_or_batch,n_chips,"
    head += "prefill_workers,prefill_chips,prefill_dp,prefill_ep,decode_workers,decode_chips,decode_dp,decode_ep\n"
    rest = "gb300,DeepSeek-R1,fp8,{engine},disagg,1024,8192,{clients},36,1,4,4,4,4,8,1,8\n"
    cases = {"over": ("trtllm 0.8.1.post2", 36), "even": ("trtllm 0.8.1.post2", 32), "other": ("sglang 0.5.8", 36)}
    text = head + "".join(f"{name}," + rest.format(engine=engine, clients=clients) for name, (engine, clients) in cases.items())
    found = answers_of(written(tmp_path, text))
    assert [("batch limit" in found[name]["assumed"]) for name in cases] == [True, False, False]
    assert float(found["over"]["ttft_ms"]) > 5 * float(found["even"]["ttft_ms"])
