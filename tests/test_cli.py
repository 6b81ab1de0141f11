"""The command line as a user meets it: exit codes, one-line errors, tables of 100 columns, complete JSON, both languages."""

import json
import os
import resource
import subprocess
import sys
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from suanli.cli.main import main

CASES = tomllib.loads((Path(__file__).parent / "cases" / "wrong_inputs.toml").read_text(encoding="utf-8"))["case"]
TRAFFIC = ["--rate", "50/s", "--input", "2000", "--output", "500", "--ttft", "2s", "--tpot", "50ms"]
GOOGLE = ["plan", "gpt3-175b", "--workload", "google-search-2023", "--chips", "nvidia-a100-sxm4-80gb", "--precision", "int8", "--tp", "8", "--ideal"]
CHIP = """
id = "x1"
vendor = "Acme"
name = "X1"
class = "npu"
segment = "datacenter"
released = "2026"
[sources.sheet]
title = "on paper"
tier = "assumed"
[memory]
capacity = { value = 80, unit = "%s", source = "sheet" }
bandwidth = { value = 4, unit = "TB/s", source = "sheet" }
[[peak]]
precision = "bf16"
rate = { value = 1000, unit = "TFLOP/s", source = "sheet" }
"""


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SUANLI_LANG", "LC_ALL", "LC_MESSAGES", "LANG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("own")
    (root / "config.json").write_text("{", encoding="utf-8")
    for name, text in (("overlay-syntax", "id = ["), ("overlay-unit", CHIP % "GiBs"), ("overlay", CHIP % "GiB")):
        (root / name / "chips").mkdir(parents=True)
        (root / name / "chips" / "x1.toml").write_text(text, encoding="utf-8")
    (root / "cases.csv").write_text(
        "id,chip,n_chips,model,precision,isl,osl,concurrency_or_batch,tp\n"
        "a,nvidia-h100-sxm5-80gb,8,llama-3.1-70b,fp8,1024,1024,64,8\n"
        "b,no-such-chip,8,llama-3.1-70b,fp8,1024,1024,64,8\n",
        encoding="utf-8",
    )
    return root


def narrow(text: str) -> str:
    """Full-width punctuation as half-width: the width is not what is compared."""
    return unicodedata.normalize("NFKC", text)


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


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"].replace(" ", "-"))
def test_a_wrong_input_is_one_line_in_the_language_asked_for(case: dict[str, Any], language: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [part.replace("{folder}", str(folder)) for part in case["command"]]
    # --lang in front: some of the commands end in an option that waits for its value
    code, out, error = run(capsys, "--lang", language, *command)
    assert code == case["exit"]
    assert narrow(case[language]) in narrow(error)
    assert error.count("\n") == 1
    assert error.endswith("\n")
    assert out == ""
    assert not {"Traceback", "Usage:", "╭"} & set(error.split())


def widths(text: str) -> int:
    return max(cell_len(line) for line in text.splitlines() if "http" not in line)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "command",
    [
        ["plan", "llama-3.1-70b", *TRAFFIC, "--place", "CN"],
        ["plan", "llama-3.1-70b", *TRAFFIC, "--place", "CN", "--buy", "--licence", "allow", "--explain"],
        ["plan", "llama-3.1-70b", *TRAFFIC, "--left-out"],
        GOOGLE,
        ["serve", "deepseek-v3", "--chip", "h200", "--chips", "8", "--explain"],
        ["train", "llama-3.1-70b", "--chip", "h100", "--chips", "512", "--tokens", "15T", "--explain"],
        ["train", "70B", "--chip", "h200,mi300x,a100", "--chips", "64,1024", "--precision", "fp8", "--by", "2099-01-01", "--place", "CN", "--buy"],
        ["train", "deepseek-v3", "--chip", "h800", "--chips", "256", "--method", "lora", "--tokens", "1B", "--ideal"],
        ["chips", "list"],
        ["chips", "show", "h20"],
        ["chips", "compare", "h100", "mi300x", "910c", "tpu-v5p", "h20", "mi355x"],
        ["models", "list"],
        ["models", "show", "deepseek-v3"],
        ["models", "compare", "deepseek-v3", "qwen3-32b"],
        ["systems", "list"],
        ["systems", "show", "huawei-cloudmatrix-384"],
        ["systems", "compare", "nvidia-gb200-nvl72", "huawei-cloudmatrix-384"],
        ["places", "list"],
        ["places", "show", "cn-guizhou"],
        ["places", "compare", "CN", "US"],
        ["workloads", "list"],
        ["workloads", "show", "azure-2023-code"],
        ["workloads", "compare", "azure-2023-code", "chatgpt-2023"],
        ["export", "h20", "--to", "CN"],
        ["export", "910c", "--to", "MY"],
        ["--help"],
        ["plan", "--help"],
        ["serve", "--help"],
        ["train", "--help"],
        ["chips", "--help"],
        ["predict", "serving", "--help"],
        ["predict", "training", "--help"],
        ["accuracy", "--help"],
    ],
    ids=lambda command: "-".join(command[:3]),
)
def test_every_page_fits_100_columns_in_both_languages(command: list[str], language: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = answer(capsys, "--lang", language, *command)
    assert widths(text) <= 100
    assert "nan" not in text.lower().split()
    chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in text)
    assert (chinese > 20) == (language == "zh")


def test_the_plan_names_the_best_and_the_next_best_first(capsys: pytest.CaptureFixture[str]) -> None:
    plan = answer_json(capsys, "plan", "llama-3.1-70b", *TRAFFIC, "--place", "CN")
    best, following = plan["options"][:2]
    text = answer(capsys, "plan", "llama-3.1-70b", *TRAFFIC, "--place", "CN")
    head = " ".join(text.split())
    assert head.startswith(f"{best['chips']['mid']:,.0f}x ")
    assert "CNY per million output tokens" in head.split("Next best:")[0]
    assert f"Next best: {following['chips']['mid']:,.0f}x " in head
    assert best["chip"] in text
    assert following["chip"] in text


def test_plan_json_is_complete_and_its_costs_agree(capsys: pytest.CaptureFixture[str]) -> None:
    """Cost per million in the place's currency = dollars x rate; every chip is either an option or left out with a reason."""
    plan = answer_json(capsys, "plan", "llama-3.1-70b", *TRAFFIC, "--place", "CN")
    chips = answer_json(capsys, "chips", "list")["chips"]
    assert len(plan["options"]) + len(plan["left_out"]) == len(chips)
    assert all(each["reasons"] for each in plan["left_out"])
    for option in plan["options"]:
        assert option["cost_per_million_local"]["mid"] == pytest.approx(option["cost_per_million"]["mid"] * plan["currency_rate"])
        # chips are whole replicas: decode workers of tp x pp x dp, and separate prefill workers of tp x dp
        workers = option["decode"] * option["pp"] + option["prefill"]
        assert option["chips"]["mid"] == option["replicas"]["mid"] * workers * option["tp"] * option["dp"]
    assert {"ttft", "cost_per_million", "power"} <= plan["units"].keys()
    facts = plan["options"][0]["facts"]
    assert facts["memory.capacity"]["unit"] == "byte"
    assert facts["memory.capacity"]["sources"][0]["title"]
    assert plan["ask"]["filled"]


def test_the_article_case_shows_its_chain_and_stands_beside_the_published_figure(capsys: pytest.CaptureFixture[str]) -> None:
    """8 x 80 GB = 640 GB; (640 - 175.6) / 4.72 = 98; (175.6 + 98 x 4.72) / (8 x 2.039) = 39.1 ms; 4,102,568 GPUs published, ours within 2 %."""
    text = " ".join(answer(capsys, *GOOGLE, "--explain").split())
    needed = "320,000 requests/s x 2,000 tokens = 640,000,000 tokens/s"
    for step in ("8 chips x 80 GB = 640 GB", "= 98.41", "16.3 TB/s", "= 39.1 ms", needed, "busy 50 %", "4,102,568", "SemiAnalysis"):
        assert step in text
    plan = answer_json(capsys, *GOOGLE, "--explain")
    assert plan["published"]["chips"]["value"] == 4102568
    assert plan["options"][0]["chips"]["mid"] == pytest.approx(4102568, rel=0.02)
    assert plan["explanation"]["weight_bytes"] * 8 == pytest.approx(175e9, rel=0.01)


def test_rates_may_be_by_the_second_or_by_millions_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    """4.32 M a day = 4.32e6 / 86,400 = 50 a second."""
    common = ["--input", "2000", "--output", "500", "--chips", "h100,h200"]
    by_day = answer_json(capsys, "plan", "llama-3.1-70b", "--rate", "4.32M/day", *common)
    by_second = answer_json(capsys, "plan", "llama-3.1-70b", "--rate", "50/s", *common)
    assert by_day["ask"]["rate"] == pytest.approx(50)
    assert [option["chips"] for option in by_day["options"]] == [option["chips"] for option in by_second["options"]]


def test_a_trace_is_a_workload(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One request every two seconds for five minutes: 0.5 a second of 100 + 50 tokens."""
    rows = "".join(f"{2 * place},100,50\n" for place in range(150))
    trace = tmp_path / "own.csv"
    trace.write_text("arrival_s,prompt_tokens,output_tokens\n" + rows, encoding="utf-8")
    ask = answer_json(capsys, "plan", "qwen3-8b", "--trace", str(trace), "--chips", "h100")["ask"]
    assert (ask["rate"], ask["input_length"], ask["output_length"], ask["workload"]) == (0.5, 100, 50, "own.csv")


def test_a_chip_on_paper_in_one_file_is_planned_with(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = answer_json(capsys, "plan", "qwen3-8b", "--rate", "5/s", "--input", "500", "--output", "100", "--chips", "x1", "--data", str(folder / "overlay"))
    assert [option["chip"] for option in plan["options"]] == ["x1"]
    assert plan["options"][0]["price_estimated"]


def test_serve_tells_its_interval_and_energy(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer_json(capsys, "serve", "llama-3.1-70b", "--chip", "h100", "--chips", "8", "--precision", "fp8")
    estimate = found["estimate"]
    for name in ("ttft", "tpot", "tokens_rate"):
        assert estimate[name]["low"] < estimate[name]["mid"] < estimate[name]["high"]
    assert found["layout"]["chips"] == 8
    assert estimate["tokens_rate_per_chip"]["mid"] == pytest.approx(estimate["tokens_rate"]["mid"] / 8)


def test_every_figure_of_a_shown_chip_has_a_source(capsys: pytest.CaptureFixture[str]) -> None:
    chip = answer_json(capsys, "chips", "show", "h20")["chips"][0]
    assert chip["memory_capacity"] == 96e9
    assert chip["facts"]["memory.capacity"]["stated"] == 96
    assert all(fact["sources"] and fact["tier"] for fact in chip["facts"].values())
    text = answer(capsys, "chips", "show", "h20")
    assert "[1] " in text
    assert "https://" in text


def test_the_export_answer_cites_its_clauses_and_is_no_advice(capsys: pytest.CaptureFixture[str]) -> None:
    text = answer(capsys, "export", "nvidia-h100-sxm5-80gb", "--to", "CN", "--on", "2024-06-01")
    assert "US-2023-11-3A090" in text
    assert "88 FR 73458" in text
    assert "https://" in text
    assert text.rstrip().endswith("Not legal advice.")


def test_predictions_are_written_whole_with_a_reason_for_every_blank(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "out.csv"
    text = answer(capsys, "predict", "serving", str(folder / "cases.csv"), "-o", str(out))
    assert "1 of 2 rows answered" in text
    header, first, second = out.read_text(encoding="utf-8").splitlines()
    assert header.split(",")[:4] == ["id", "ttft_ms", "ttft_ms_low", "ttft_ms_high"]
    assert float(first.split(",")[1]) > 0
    assert second.split(",")[1] == ""
    assert "unknown_chip" in second
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    assert answer(capsys, "predict", "serving", str(folder / "cases.csv")) == out.read_text(encoding="utf-8")


def test_the_language_comes_from_the_option_then_the_environment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert "个工作负载" in answer(capsys, "workloads", "list")
    monkeypatch.setenv("SUANLI_LANG", "en")
    assert "workloads" in answer(capsys, "workloads", "list").splitlines()[0]
    assert "个工作负载" in answer(capsys, "workloads", "list", "--lang", "zh")
    assert "--lang" in run(capsys, "workloads", "list", "--lang", "fr")[2]


def test_an_error_for_machines_keeps_its_key(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, error = run(capsys, "chips", "show", "nvidia-h10-sxm", "--json")
    found = json.loads(out)
    assert (code, found["key"], found["exit_code"]) == (2, "errors.unknown_name", 2)
    assert found["message"] in error


def test_showing_a_chip_is_quick_and_loads_neither_scipy_nor_the_web() -> None:
    """Under a second of an idle processor; twice that is allowed here, where tests run beside each other."""
    heavy = "[name for name in ('scipy', 'fastapi', 'pyarrow', 'numba') if name in sys.modules]"
    code = f"import sys; from suanli.cli.main import main; done = main(['chips', 'show', 'h20']); print({heavy}); sys.exit(done)"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"}, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("[]")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


def test_the_package_gives_its_public_names() -> None:
    import suanli

    for name in suanli.__all__:
        assert getattr(suanli, name) is not None
    with pytest.raises(AttributeError):
        assert suanli.no_such_name is None
