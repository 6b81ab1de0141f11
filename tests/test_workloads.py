"""Workloads: bundled statistics match their traces, traces of every layout can be read, lengths behave."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.errors import BadFile
from suanli.facts import Catalogue, Tier
from suanli.workloads import Lengths, load_workloads, prefix_hit, read_trace, statistics_of

ROOT = Path(__file__).parents[1]
TRACES = ROOT.parent / "shared" / "truth" / "traces"
BUNDLED = {
    "azure-2023-conversation": "azure_2023_conv.parquet",
    "azure-2023-code": "azure_2023_code.parquet",
    "mooncake-conversation": "mooncake_conversation.parquet",
    "mooncake-synthetic": "mooncake_synthetic.parquet",
}


@pytest.fixture(scope="module")
def workloads():
    return load_workloads(Catalogue())


def test_all_bundled_workloads_load_with_sources(workloads):
    assert set(BUNDLED) | {"google-search-2023", "chatgpt-2023"} <= set(workloads)
    for workload in workloads.values():
        assert workload.rate > 0
        assert all(fact.sources for fact in workload.facts.values())


def test_azure_conversation_has_the_published_means(workloads):
    azure = workloads["azure-2023-conversation"]
    assert round(azure.input_length.mean) == 1155
    assert round(azure.output_length.mean) == 211
    assert round(azure.rate, 2) == 5.53
    assert (azure.input_length.p50, azure.input_length.max) == (1020, 14050)
    assert azure.fact("rate").sources[0].licence == "CC-BY 4.0"


def test_google_search_separates_what_was_said_from_what_we_read_into_it(workloads):
    google = workloads["google-search-2023"]
    assert (google.rate, google.duty, google.output_length.mean) == (320_000, 0.5, 2000)
    assert (google.mean_context, google.kv_precision) == (1000, "fp16")
    assert google.fact("rate").tier == Tier.REPORTED
    assert google.fact("mean_context").tier == Tier.ASSUMED
    assert math.isnan(google.ttft)


def test_chatgpt_gets_2257_queries_a_second(workloads):
    assert workloads["chatgpt-2023"].rate == pytest.approx(13e6 * 15 / 86_400)
    assert round(workloads["chatgpt-2023"].rate, 1) == 2256.9


def test_prefix_hits_of_mooncake_are_those_of_a_cache_without_limit(workloads):
    assert round(workloads["mooncake-conversation"].prefix_hit, 3) == 0.366
    assert round(workloads["mooncake-synthetic"].prefix_hit, 3) == 0.640


def test_a_workload_can_be_changed_in_part(workloads):
    mine = replace(workloads["azure-2023-conversation"], rate=50.0, output_length=Lengths.constant(500), ttft=1.0)
    assert (mine.rate, mine.output_length.p99, mine.ttft) == (50.0, 500.0, 1.0)
    assert mine.input_length == workloads["azure-2023-conversation"].input_length


@pytest.mark.skipif(not TRACES.is_dir(), reason="the shared traces are not beside the checkout")
@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_statistics_are_those_of_the_trace(workloads, name: str):
    pytest.importorskip("pyarrow")
    found, kept = statistics_of(read_trace(TRACES / BUNDLED[name])), workloads[name]
    for ours, theirs in ((kept.rate, found.rate), (kept.burstiness, found.burstiness), (kept.peak_to_mean, found.peak_to_mean)):
        assert ours == pytest.approx(theirs, rel=1e-5)
    assert kept.mean_context == pytest.approx(found.mean_context, rel=1e-5)
    assert kept.correlation == pytest.approx(found.spearman, rel=1e-5)
    assert kept.prefix_hit == pytest.approx(found.prefix_hit, rel=1e-5, nan_ok=True)
    assert kept.input_length.values == pytest.approx(found.input_length.values, rel=1e-5)
    assert kept.output_length.mean == pytest.approx(found.output_length.mean, rel=1e-5)


@given(st.floats(1, 1e5), st.floats(1, 3))
def test_lognormal_keeps_mean_and_median_and_its_quantiles_ascend(p50: float, ratio: float):
    lengths = Lengths.lognormal(p50 * ratio, p50)
    assert lengths.p50 == pytest.approx(p50)
    assert lengths.mean == p50 * ratio
    assert list(lengths.values) == sorted(lengths.values)


def test_lognormal_mean_agrees_with_its_own_quantiles():
    lengths = Lengths.lognormal(1500, 1000, points=9999)  # mean of the quantiles: what is cut off beyond 1/10000 is small
    assert np.mean(lengths.values) == pytest.approx(1500, rel=0.01)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=50), st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_quantiles_of_an_array_equal_those_of_each_number(values: list[int], probabilities: list[float]):
    lengths = Lengths.of(values, (0, 0.25, 0.5, 0.75, 1))
    together = lengths.quantile(np.array(probabilities))
    assert list(together) == [lengths.quantile(p) for p in probabilities]
    assert min(values) <= together.min() <= together.max() <= max(values)


def test_constant_lengths_are_constant():
    assert Lengths.constant(7).quantile(np.array([0, 0.3, 1])).tolist() == [7, 7, 7]


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_every_layout_gives_the_same_trace(tmp_path: Path):
    azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.5000000,100,10\n2023-11-16 18:15:48.0000000,200,20\n"
    burst = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,ChatGPT,100,10,110,x\n6,ChatGPT,9,0,9,failed\n6.5,GPT-4,200,20,220,x\n"
    own = "arrival_s,prompt_tokens,output_tokens\n1.5,200,20\n0,100,10\n"  # not sorted
    mooncake = "\n".join(
        json.dumps({"timestamp": t, "input_length": i, "output_length": o, "hash_ids": h}) for t, i, o, h in ((0, 100, 10, [1]), (1500, 200, 20, [1, 2]))
    )
    paths = [
        _write(tmp_path / "azure.csv", azure),
        _write(tmp_path / "burst.csv", burst),
        _write(tmp_path / "own.csv", own),
        _write(tmp_path / "mooncake.jsonl", mooncake),
    ]
    for path in paths:
        trace = read_trace(path)
        assert trace.arrival == pytest.approx([0, 1.5])
        assert trace.prompt.tolist() == [100, 200]
        assert trace.output.tolist() == [10, 20]
    assert prefix_hit(read_trace(paths[3])) == pytest.approx(1 / 3)  # block 1 again, of three
    assert math.isnan(prefix_hit(read_trace(paths[0])))


def test_parquet_gives_the_same_trace(tmp_path: Path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"arrival_s": [1.5, 0.0], "prompt_tokens": [200, 100], "output_tokens": [20, 10], "hash_ids": [[1, 2], [1]]})
    parquet.write_table(table, tmp_path / "t.parquet")
    trace = read_trace(tmp_path / "t.parquet")
    assert trace.arrival.tolist() == [0, 1.5]
    assert trace.blocks == ((1,), (1, 2))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "TIMESTAMP,ContextTokens\n2023-11-16,1\n", "column missing: GeneratedTokens"),
        ("b.csv", "Timestamp,Request tokens\n1,1\n", "column missing: Response tokens"),
        ("c.csv", "x,y\n1,2\n", "column missing"),
        ("d.csv", "arrival_s,prompt_tokens,output_tokens\n0,many,1\n", "prompt_tokens"),
        ("e.csv", "arrival_s,prompt_tokens,output_tokens\n0,-5,1\n", "prompt_tokens"),
        ("f.csv", "arrival_s,prompt_tokens,output_tokens\n", "no request"),
        ("g.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,1\n", "TIMESTAMP"),
        ("h.jsonl", '{"timestamp": 0, "input_length": 1}\n', "column missing: output_length"),
        ("i.jsonl", "{not json}\n", "i.jsonl:1"),
        ("j.txt", "", "unknown kind of trace"),
        ("k.parquet", "no parquet", "k.parquet"),
        ("l.csv", "", "column missing"),
    ],
)
def test_a_bad_trace_is_one_clear_line(tmp_path: Path, name: str, text: str, said: str):
    with pytest.raises(BadFile) as caught:
        read_trace(_write(tmp_path / name, text))
    assert said in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.say("zh")


def test_a_missing_trace_says_so(tmp_path: Path):
    with pytest.raises(BadFile, match="no such file"):
        read_trace(tmp_path / "none.csv")


def test_parquet_without_its_extra_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(BadFile, match=r"suanli\[parquet\]"):
        read_trace(_write(tmp_path / "t.parquet", "x"))


def test_statistics_of_a_small_trace_by_hand(tmp_path: Path):
    rows = "".join(f"{t},{p},{o}\n" for t, p, o in ((0, 10, 4), (1, 20, 2), (3, 30, 1), (6, 40, 1)))
    found = statistics_of(read_trace(_write(tmp_path / "t.csv", "arrival_s,prompt_tokens,output_tokens\n" + rows)))
    assert found.rate == 3 / 6  # three gaps in six seconds
    assert found.burstiness == pytest.approx(math.sqrt(2 / 3) / 2)  # gaps 1, 2, 3: standard deviation sqrt(2/3), mean 2
    assert found.mean_context == (4 * 12 + 2 * 21 + 1 * 30.5 + 1 * 40.5) / 8
    assert found.spearman == pytest.approx(-0.9487, abs=1e-4)  # ranks 1 2 3 4 against 4 3 1.5 1.5: -4.5 / sqrt(5 x 4.5)
    assert found.output_by_input_quarter == (4, 2, 1, 1)


def test_the_script_writes_a_file_the_catalogue_reads(tmp_path: Path):
    rows = "".join(f"{t * 0.7},{10 * t + 5},{t % 5 + 1}\n" for t in range(200))
    trace = _write(tmp_path / "t.csv", "arrival_s,prompt_tokens,output_tokens\n" + rows)
    script = [sys.executable, str(ROOT / "scripts" / "workload_statistics.py"), str(trace), "--id", "mine", "--name", "Mine"]
    script += ["--title", "Our log", "--url", "https://example.org", "--ttft", "1", "--slo-title", "Our wish"]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    folder = tmp_path / "workloads"
    folder.mkdir()
    _write(folder / "mine.toml", done.stdout)
    mine = load_workloads(Catalogue([tmp_path]))["mine"]
    assert mine.own
    assert mine.rate == pytest.approx(1 / 0.7, rel=1e-5)
    assert mine.ttft == 1
    assert mine.fact("slo.ttft").tier == Tier.ASSUMED
    assert mine.input_length.max == 1995


def test_the_script_explains_a_bad_trace_in_one_line(tmp_path: Path):
    script = [sys.executable, str(ROOT / "scripts" / "workload_statistics.py"), str(_write(tmp_path / "t.csv", "a,b\n1,2\n"))]
    done = subprocess.run([*script, "--id", "mine", "--name", "Mine", "--title", "T"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_the_script_is_importable():
    spec = importlib.util.spec_from_file_location("workload_statistics", ROOT / "scripts" / "workload_statistics.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
