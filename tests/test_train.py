"""``suanli train`` and what stands behind it: the page says what the JSON says, times, memory and runs add up, and what cannot be says why."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from suanli import api
from suanli.cli.main import main
from suanli.cli.train import spelt
from suanli.performance.training.calibration import KNOWLEDGE
from suanli.performance.training.configs import METHODS, PARTS, RECOMPUTES, SHARDINGS
from suanli.planning.run import DAY
from suanli.planning.training import TrainingPlan
from suanli.reporting.amounts import cell
from suanli.reporting.document import Headline, Table
from suanli.reporting.payload_training import UNITS
from suanli.reporting.tongue import Tongue
from suanli.reporting.training import MEMORY, training_report
from suanli.reporting.training_chart import plan_chart
from suanli.reporting.training_explain import chain_report
from suanli.reporting.training_grounds import ASSUMED
from suanli.words import LANGUAGES, say

SOURCE = Path(__file__).parents[1] / "src" / "suanli"
#: a small job that is found quickly
SMALL = ("train", "llama-3.1-8b", "--chip", "nvidia-h100-sxm5-80gb", "--chips", "64", "--tokens", "1e12")


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SUANLI_LANG", "LC_ALL", "LC_MESSAGES", "LANG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    out, error = capsys.readouterr()
    return code, out, error


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code, out, error = run(capsys, *arguments)
    assert (code, error) == (0, "")
    return out


def answer_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is not JSON")

    found: dict[str, Any] = json.loads(answer(capsys, *arguments, "--json"), parse_constant=refuse)
    return found


@cache
def small() -> TrainingPlan:
    return api.train(api.open_catalogue(), "llama-3.1-8b", ["nvidia-h100-sxm5-80gb"], [64], tokens=1e12)


@cache
def compared() -> TrainingPlan:
    return api.train(api.open_catalogue(), "llama-3.1-8b", ["nvidia-h100-sxm5-80gb", "amd-mi300x"], [16, 64], tokens=1e12)


# --- the page and the JSON ---------------------------------------------------------------------------------------------------------


def test_the_headline_has_the_numbers_of_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    option = answer_json(capsys, *SMALL)["options"][0]
    head = " ".join(answer(capsys, *SMALL).split())[:600]
    step, mfu = option["estimate"]["step_time"], option["estimate"]["mfu"]
    days, cost = option["run"]["wall_time"], option["run"]["cost"]
    assert head.startswith("Llama 3.1 8B on 64x H100 SXM5 80GB")
    assert f"a step takes {cell(step['mid'])} s ({cell(step['low'])}-{cell(step['high'])})" in head
    assert f"{cell(option['estimate']['tokens_rate_per_chip']['mid'])} tokens/s per chip" in head
    assert f"MFU {cell(mfu['mid'], 0.01)} %" in head
    assert f"the run takes {cell(days['mid'], DAY)} days ({cell(days['low'], DAY)}-{cell(days['high'], DAY)})" in head
    scale = 1e6 if cost["mid"] >= 1e6 else 1
    assert f"costs {cell(cost['mid'], scale)} " in head
    layout = option["layout"]
    for name in ("cp", "pp", "dp"):
        assert layout[name] == 1 or f"{name}{layout[name]:.0f}" in head


def test_the_parts_of_the_json_sum_to_its_step_time(capsys: pytest.CaptureFixture[str]) -> None:
    for option in answer_json(capsys, *SMALL)["options"]:
        assert list(option["estimate"]["parts"]) == list(PARTS)
        assert sum(option["estimate"]["parts"].values()) == pytest.approx(option["estimate"]["step_time"]["mid"], rel=1e-9)


def test_the_parts_of_memory_sum_to_its_total_and_fit(capsys: pytest.CaptureFixture[str]) -> None:
    option = answer_json(capsys, *SMALL)["options"][0]
    memory = dict(option["estimate"]["memory"])
    total = memory.pop("total")
    assert set(memory) == set(MEMORY)
    assert sum(memory.values()) == pytest.approx(total)
    assert total < option["capacity"]
    assert all(each["memory"] < option["capacity"] for each in option["search"]["best"])


def test_the_figures_of_a_step_and_a_run_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    """tokens / (chips x step) = rate; steps = tokens / step tokens, rounded up; the run's pieces = wall time; chips x hours = chip-hours."""
    found = answer_json(capsys, *SMALL)
    option = found["options"][0]
    layout, estimate, trained = option["layout"], option["estimate"], option["run"]
    assert layout["tp"] * layout["cp"] * layout["pp"] * layout["dp"] == layout["chips"] == option["chips"] == 64
    tokens, step = layout["global_batch"] * layout["length"], estimate["step_time"]["mid"]
    assert estimate["tokens_rate_per_chip"]["mid"] == pytest.approx(tokens / 64 / step)
    assert trained["steps"] == -(-1e12 // tokens)
    assert trained["productive_time"] == pytest.approx(trained["steps"] * step)
    pieces = ("startup_time", "productive_time", "evaluation_time", "checkpoint_time", "lost_time")
    assert sum(trained[name] for name in pieces) == pytest.approx(trained["wall_time"]["mid"])
    assert trained["goodput"] == pytest.approx(trained["productive_time"] / trained["wall_time"]["mid"])
    assert trained["chip_hours"] == pytest.approx(64 * trained["wall_time"]["mid"] / 3600)
    for name in ("step_time", "tokens_rate_per_chip", "flop_rate_per_chip", "mfu"):
        assert estimate[name]["low"] < estimate[name]["mid"] < estimate[name]["high"]
    assert option["search"]["tried"] >= option["search"]["running"] > 0
    assert {"step_time", "memory", "cost", "chip_hours"} <= found["units"].keys() == UNITS.keys()


def test_the_best_is_the_fastest_and_nothing_beats_the_front(capsys: pytest.CaptureFixture[str]) -> None:
    option = answer_json(capsys, *SMALL)["options"][0]
    times = [each["step_time"] for each in option["search"]["best"]]
    assert times == sorted(times)
    assert times[0] == pytest.approx(option["estimate"]["step_time"]["mid"])
    front = option["search"]["front"]
    for earlier, later in itertools.pairwise(front):
        assert later["step_time"] > earlier["step_time"]
        assert later["memory"] < earlier["memory"]


def numbers(plan: TrainingPlan, language: str) -> list[tuple[str, ...]]:
    """The cells of the number columns of every table of the page, column by column."""
    tongue = Tongue(language)
    blocks = training_report(plan, tongue, chain=chain_report(plan, tongue)).blocks
    tables = [block for block in blocks if isinstance(block, Table)]
    return [tuple(row[place] for row in each.rows) for each in tables for place, column in enumerate(each.columns) if column.kind == "number"]


@pytest.mark.parametrize("plan", [small, compared], ids=["one", "several"])
def test_both_languages_print_the_same_numbers(plan: Any) -> None:
    assert numbers(plan(), "en") == numbers(plan(), "zh")
    figures = [re.findall(r"\d[\d,.]*\d|\d", training_report(plan(), Tongue(language)).blocks[0].text.split("bf16")[1]) for language in LANGUAGES]  # type: ignore[union-attr]
    assert figures[0] == figures[1]
    assert len(figures[0]) > 10


def test_the_page_begins_with_the_answer_and_says_where_time_and_memory_go() -> None:
    report = training_report(small(), Tongue("en"))
    assert isinstance(report.blocks[0], Headline)
    text = " ".join(getattr(block, "text", "") for block in report.blocks)
    for part in ("Where the step's time goes", "Memory of one chip", "The run", "How sure", "80 % interval", "What was assumed", "megatron-bridge", "Sources"):
        assert part in text


def test_the_explained_arithmetic_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    """The terms of the step give the step; operators x micro-batches / stages, times the losses, give the layers' part."""
    text = " ".join(answer(capsys, *SMALL, "--explain").split())
    terms, step = re.search(r"Step: (.*?) = ([\d.]+) s\.", text).groups()  # type: ignore[union-attr]
    assert sum(float(each) for each in re.findall(r"[\d.]+", terms)) == pytest.approx(float(step), rel=2e-3)
    option = answer_json(capsys, *SMALL)["options"][0]
    work = sum(each["forward"] + each["backward"] for each in option["operators"]) * option["layout"]["micro_batches"] / option["layout"]["pp"]
    factor = float(re.search(r"scale lose: .*? x ([\d.]+) = ", text)[1])  # type: ignore[index]
    assert work * factor == pytest.approx(option["estimate"]["parts"]["compute"], rel=1e-2)
    for operator in option["operators"]:
        assert operator["name"] in text


# --- several chips, sizes, days ----------------------------------------------------------------------------------------------------


def test_every_chip_and_size_is_answered_the_cheapest_first(capsys: pytest.CaptureFixture[str]) -> None:
    command = ("train", "llama-3.1-8b", "--chip", "h100,mi300x", "--chips", "16,64", "--tokens", "1e12")
    found = answer_json(capsys, *command)
    asked = itertools.product(("nvidia-h100-sxm5-80gb", "amd-mi300x"), (16, 64))
    assert {(each["chip"], each["chips"]) for each in found["options"]} == set(asked)
    costs = [each["run"]["cost"]["mid"] for each in found["options"]]
    assert costs == sorted(costs)
    text = answer(capsys, *command)
    assert "Which chips, how many" in text
    assert text.count("amd-mi300x") >= 2


def test_a_day_picks_the_smallest_cluster_that_finishes(capsys: pytest.CaptureFixture[str]) -> None:
    """Brute force: the size that was picked finishes, half of it does not."""
    common = ("train", "llama-3.1-8b", "--chip", "nvidia-h100-sxm5-80gb", "--tokens", "2e12", "--on", "2026-05-01", "--by", "2026-06-01")
    picked = answer_json(capsys, *common)["options"][0]
    assert picked["finishes"]
    size = picked["chips"]
    assert size >= 16
    both = answer_json(capsys, *common, "--chips", f"{size // 2},{size}")["options"]
    assert {each["chips"]: each["finishes"] for each in both} == {size: True, size // 2: False}
    assert both[0]["chips"] == size  # in time first, though the smaller is no dearer
    month = 31 * DAY
    assert picked["run"]["wall_time"]["mid"] <= month < max(each["run"]["wall_time"]["mid"] for each in both)


def test_a_day_that_no_cluster_meets_is_no_answer_and_tells_the_quickest(capsys: pytest.CaptureFixture[str]) -> None:
    command = ("train", "llama-3.1-8b", "--chip", "h100", "--tokens", "900T", "--tp", "8", "--pp", "4", "--cp", "1", "--on", "2026-05-01", "--by", "2026-05-03")
    code, out, error = run(capsys, *command)
    assert (code, out) == (3, "")
    assert "the quickest" in error


def test_chips_without_the_units_of_a_precision_are_refused_beside_those_that_have_them(capsys: pytest.CaptureFixture[str]) -> None:
    command = ("train", "llama-3.1-8b", "--chip", "a100,h100", "--chips", "64", "--tokens", "1e12", "--precision", "fp8")
    found = answer_json(capsys, *command)
    assert [each["chip"] for each in found["options"]] == ["nvidia-h100-sxm5-80gb"]
    assert [(each["chip"], each["reasons"]) for each in found["refused"]] == [("nvidia-a100-sxm4-80gb", ["precision"])]
    assert "the chip has no units for the precision" in answer(capsys, *command)


def test_a_chip_without_fp8_alone_is_refused_with_the_precision_as_reason(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "train", "llama-3.1-8b", "--chip", "a100", "--chips", "64", "--precision", "fp8", "--json")
    found = json.loads(out)
    assert (code, found["key"]) == (3, "planning.no_units")
    assert "no units for fp8" in found["message"]


def test_a_model_too_large_for_any_layout_names_the_memory_it_needs_and_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """175e9 x 18 bytes / 8 chips = 394 GB a chip at the least, of 80."""
    code, _, error = run(capsys, "train", "gpt3-175b", "--chip", "a100", "--chips", "8")
    assert code == 3
    needs, has = re.search(r"needs ([\d,]+) GB per chip, memory per chip ([\d,]+) GB", error).groups()  # type: ignore[union-attr]
    assert float(needs) > 394
    assert float(has) == 80


def test_a_layout_that_does_not_multiply_out_is_refused_with_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, error = run(capsys, *SMALL, "--tp", "8", "--pp", "2", "--cp", "1", "--dp", "2")
    assert code == 2
    assert "tp 8 x pp 2 x cp 1 x dp 2 = 32 does not make 64 chips" in error


def test_parts_of_a_layout_that_were_given_stand(capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--tp", "4", "--pp", "2", "--micro-batch", "2", "--sharding", "optimizer", "--recompute", "selective", "--batch", "256", "--length", "4096")
    found = answer_json(capsys, *SMALL, *given)
    layout = found["options"][0]["layout"]
    expected = {"tp": 4, "pp": 2, "micro_batch": 2, "sharding": "optimizer", "recompute": "selective", "global_batch": 256, "length": 4096}
    assert {name: layout[name] for name in expected} == expected
    assert found["ask"]["layout"] == {"tp": 4, "pp": 2, "micro_batch": 2, "sharding": "optimizer", "recompute": "selective"}


# --- what people type --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "number"), [("15T", "15e12"), ("300B tokens", "300e9"), ("0.5T", "500G"), ("2e12", "2000 bn")])
def test_tokens_may_be_written_in_letters(said: str, number: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [answer_json(capsys, *SMALL[:-1], each)["ask"]["tokens"] for each in (said, number)]
    assert asked[0] == asked[1] > 1e11
    assert spelt("7") == "7"


def test_a_size_stands_for_a_dense_model_whose_heads_a_server_divides(capsys: pytest.CaptureFixture[str]) -> None:
    plan = api.train(api.open_catalogue(), "70B", ["h100"], [256], tokens=1e11)
    assert plan.ask.model.parameters == pytest.approx(70e9, rel=0.05)
    assert all(op.heads % 8 == 0 for op in plan.ask.model.ops if op.kind == "attention")


def test_flags_print_a_command_that_a_shell_reads(capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--tp", "4", "--pp", "2", "--micro-batch", "1", "--batch", "256")
    text = answer(capsys, *SMALL, *given, "--flags", "megatron")
    command = text[text.index("torchrun") :].split("\n- ")[0]
    words = shlex.split(command.replace("\\\n", " "))
    for flag, value in (("--tensor-model-parallel-size", "4"), ("--pipeline-model-parallel-size", "2"), ("--global-batch-size", "256"), ("--nnodes", "8")):
        assert words[words.index(flag) + 1] == value
    assert "\n- Not in the catalogue" in text
    found = answer_json(capsys, *SMALL, *given, "--flags", "megatron")["launch"]
    assert found["command"] in text
    assert found["target"] == "megatron"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_chart_shows_the_front_of_one_and_days_and_cost_of_several(language: str) -> None:
    tongue = Tongue(language)
    one = plan_chart(small(), tongue)
    best = small().options[0]
    assert one["data"]["values"][0]["step"] == pytest.approx(float(best.estimate.step_time[1, 0]), rel=1e-3)
    assert all(each["memory"] < float(best.platforms.capacity[0]) / 1e9 for each in one["data"]["values"])
    several = plan_chart(compared(), tongue)["data"]["values"]
    assert [(each["chip"], each["chips"]) for each in several] == [(each.chip.id, f"{each.chips:,}") for each in compared().options]
    for each in several:
        assert each["days_low"] < each["days"] < each["days_high"]
        assert each["cost_low"] < each["cost"] < each["cost_high"]


@pytest.mark.parametrize("suffix", ["svg", "png", "json", "html"])
def test_the_chart_is_written(suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / f"chart.{suffix}"
    assert f"Chart written to {out}" in " ".join(answer(capsys, *SMALL, "--out", str(out)).split())
    assert out.stat().st_size > 1000


def test_a_bar_tells_chip_and_layouts_on_a_terminal_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer(capsys, *SMALL)  # nothing on stderr
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    code, out, error = run(capsys, *SMALL)
    assert code == 0
    assert "64x H100 SXM5 80GB" in error
    assert "layouts tried" in error
    assert "━" not in out
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run(capsys, *SMALL, "--json")[2] == ""


def test_training_cases_of_a_file_are_predicted_row_by_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases, out = tmp_path / "cases.csv", tmp_path / "out.csv"
    cases.write_text(
        "id,chip,n_chips,model,seq_len,global_batch,micro_batch,tp,pp,dp,precision,framework\n"
        "a,nvidia-h100-sxm5-80gb,64,llama-3.1-8b,8192,512,1,2,1,32,bf16,Megatron-Bridge\n"
        "b,no-such-chip,64,llama-3.1-8b,8192,512,1,2,1,32,bf16,Megatron-Bridge\n",
        encoding="utf-8",
    )
    assert "1 of 2 rows answered" in answer(capsys, "predict", "training", str(cases), "-o", str(out))
    header, first, second = (line.split(",") for line in out.read_text(encoding="utf-8").splitlines())
    row = dict(zip(header, first, strict=True))
    low, mid, high = (float(row[f"iter_time_s{end}"]) for end in ("_low", "", "_high"))
    assert 0 < low < mid < high
    # 512 x 8,192 tokens over 64 chips in a step
    assert float(row["tokens_per_s_per_chip"]) == pytest.approx(512 * 8192 / 64 / mid, rel=1e-4)
    other = dict(zip(header, second, strict=True))
    assert (other["iter_time_s"], other["why_not"]) == ("", "unknown_chip")
    found = answer_json(capsys, "predict", "training", str(cases))
    assert [each["id"] for each in found["rows"]] == ["a", "b"]


# --- words -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_part_choice_and_assumption_of_training_has_a_word(language: str) -> None:
    """Names that are put together with a key when a page is written."""
    planning = (SOURCE / "planning" / "training.py").read_text(encoding="utf-8")
    tables = {
        "reporting.train_part": PARTS,
        "reporting.train_term": PARTS,
        "reporting.train_bound": PARTS,
        "reporting.train_memory": (*MEMORY, "free"),
        "reporting.train_sharding": SHARDINGS,
        "reporting.train_recompute": RECOMPUTES,
        "reporting.train_method": METHODS,
        "reporting.train_knowledge": KNOWLEDGE,
        "reporting.train_assumption": ASSUMED,
        "planning.defaults": re.findall(r'Filled\("([a-z_]+)"', planning),
    }
    for table, names in tables.items():
        assert names
        for name in names:
            assert say(f"{table}.{name}", language)
