"""Launch flags: the published layouts come out as people type them, sizes multiply to the world, and no flag is made up."""

import math
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tomli

from suanli.errors import BadInput
from suanli.facts import Catalogue
from suanli.hardware import load_chips
from suanli.models import Model, load_models
from suanli.performance.precision import SCHEMES
from suanli.performance.training.configs import METHODS, RECOMPUTES, SHARDINGS, training_configs
from suanli.reporting.launch import TARGETS, Launch, launch_flags
from suanli.reporting.launch.job import GENERATIONS, pieces, pipeline_layout
from suanli.words import LANGUAGES, say, sentences

PAGES = tomli.loads((Path(__file__).parent / "cases" / "launch_flags.toml").read_text(encoding="utf-8"))["page"]
CHIPS = {"megatron": "nvidia-h100-sxm5-80gb", "nemo": "nvidia-h100-sxm5-80gb", "maxtext": "google-tpu-v5p", "mindspeed": "huawei-ascend-910b3"}
CODES = {"scheme": SCHEMES, "sharding": SHARDINGS, "recompute": RECOMPUTES, "method": METHODS}
#: DeepSeek-V3 technical report, arXiv 2412.19437, section 3.2: 16-way pipeline, 64-way expert parallelism over 8 nodes, ZeRO-1, no tensor parallelism,
#: FP8, on 2,048 H800; section 4.2: batch of 15,360 sequences of 4,096 tokens
DEEPSEEK: dict[str, Any] = {
    "pp": 16, "ep": 64, "dp": 128, "micro_batch": 1, "global_batch": 15360, "length": 4096, "sharding": "optimizer", "scheme": "fp8",
}  # fmt: skip
DENSE: dict[str, Any] = {"tp": 8, "pp": 4, "dp": 4, "cp": 2, "global_batch": 128, "length": 8192, "sequence_parallel": 1, "sharding": "optimizer"}


@cache
def models() -> dict[str, Model]:
    return load_models(Catalogue())


def launch(target: str, model: str, /, chip: str = "", node: int = 8, **given: Any) -> Launch:
    coded = {name: CODES[name].index(value) if name in CODES else value for name, value in given.items()}
    return launch_flags(target, models()[model], training_configs(1, **coded), 0, chip or CHIPS[target], node)


def flags(command: str) -> dict[str, str]:
    """Flag or key -> value, as a shell would hand them over."""
    found: dict[str, str] = {}
    words = shlex.split(command.replace("\\\n", " "))
    for place, word in enumerate(words):
        if word.startswith("--"):
            following = words[place + 1] if place + 1 < len(words) else ""
            found[word] = "" if following.startswith("--") else following
        elif re.match(r"^[A-Za-z_.0-9]+=", word):
            key, _, value = word.partition("=")
            found[key] = value
    return found


def keys(launched: Launch) -> set[str]:
    return {note.key for note in launched.notes}


def left_out(launched: Launch) -> set[str]:
    return {feature.rsplit(".", 1)[1] for note in launched.notes if note.key == "launch.cannot" for feature in note.values["features"]}


def test_the_published_layout_of_deepseek_v3_gives_these_megatron_flags() -> None:
    said = flags(launch("megatron", "deepseek-v3", chip="nvidia-h800-sxm5-80gb", **DEEPSEEK).command)
    expected = {
        "--nnodes": "256", "--nproc-per-node": "8",  # 2,048 chips in nodes of 8
        "--tensor-model-parallel-size": "1", "--pipeline-model-parallel-size": "16", "--expert-model-parallel-size": "64",
        "--expert-tensor-parallel-size": "1", "--global-batch-size": "15360", "--seq-length": "4096",
        "--num-layers": "61", "--hidden-size": "7168", "--ffn-hidden-size": "18432", "--num-attention-heads": "128",
        "--q-lora-rank": "1536", "--kv-lora-rank": "512", "--qk-head-dim": "128", "--qk-pos-emb-head-dim": "64", "--v-head-dim": "128",
        "--num-experts": "256", "--moe-router-topk": "8", "--moe-ffn-hidden-size": "2048", "--moe-shared-expert-intermediate-size": "2048",
        "--moe-layer-freq": "([0]*3+[1]*58)",  # the first three layers are dense
        "--fp8-format": "hybrid",
    }  # fmt: skip
    assert said | expected == said
    assert {"--multi-latent-attention", "--use-distributed-optimizer", "--bf16", "--swiglu"} <= said.keys()
    assert not {"--sequence-parallel", "--use-megatron-fsdp", "--group-query-attention", "--kv-channels"} & said.keys()


def test_the_layout_language_is_read_as_its_documentation_shows() -> None:
    """Megatron-LM, docs/user-guide/features/pipeline_parallel_layout.md and the parser's own example."""
    assert written_out("Ettt|(tt|)*3m|L") == ["Ettt", "tt", "tt", "tt", "m", "L"]
    assert written_out("Et*3|(t*2|)*2tL") == ["Ettt", "tt", "tt", "tL"]


def test_61_layers_on_16_stages_are_13_of_four_and_three_of_three() -> None:
    assert sorted(pieces(61, 16)) == [3] * 3 + [4] * 13
    layout = flags(launch("megatron", "deepseek-v3", **DEEPSEEK).command)["--pipeline-model-parallel-layout"]
    assert layout == "Et*3|(t*4|)*13t*3|t*3L"
    assert [stage.count("t") for stage in written_out(layout)] == pieces(61, 16)


def written_out(layout: str) -> list[str]:
    """Stages of Megatron's layout language, read letter by letter: a number after * repeats the group in parentheses or the letter before it."""
    done, group, last = "", "", ""
    for sign in re.findall(r"\*\d+|.", layout):
        if sign == "(":
            group = "("
        elif sign == ")":
            last, group = group[1:], ""
            done += last
        elif sign[0] == "*":
            more = last * (int(sign[1:]) - 1)
            done, group = (done, group + more) if group else (done + more, group)
        else:
            last = sign
            done, group = (done, group + sign) if group else (done + sign, group)
    return done.split("|")


@pytest.mark.parametrize(("layers", "count"), [(61, 16), (94, 8), (126, 32), (7, 8), (5, 2), (80, 20)])
def test_a_layout_holds_every_layer_once_and_has_no_stage_two_layers_heavier(layers: int, count: int) -> None:
    stages = written_out(pipeline_layout(layers, count))
    sizes = [stage.count("t") for stage in stages]
    assert len(stages) == count
    assert sum(sizes) == layers
    assert max(sizes) == math.ceil(layers / count)
    assert max(sizes) - min(sizes) <= 1
    assert stages[0].startswith("E")
    assert stages[-1].endswith("L")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("sharding", SHARDINGS)
@pytest.mark.parametrize(("model", "given"), [("deepseek-v3", DEEPSEEK), ("llama-3.1-70b", DENSE), ("llama-3.1-8b", {"dp": 4, "global_batch": 8})])
def test_the_parallel_sizes_multiply_to_the_world(target: str, sharding: str, model: str, given: dict[str, Any]) -> None:
    world = math.prod(given.get(name, 1) for name in ("tp", "cp", "pp", "dp"))
    said = flags(launch(target, model, **given | {"sharding": sharding}).command)
    if target == "maxtext":  # the mesh is the whole: every axis inside and between slices
        inside = math.prod(int(value) for key, value in said.items() if key.startswith("ici_"))
        outside = math.prod(int(value) for key, value in said.items() if key.startswith("dcn_"))
        assert inside == min(world, 8)
        assert inside * outside == world
        return
    nodes = int(said["--nnodes"]) * int(said.get("--nproc-per-node") or said["--nproc_per_node"])
    assert nodes == world
    names = ("tensor", "pipeline", "context")
    stem = "model.{}_model_parallel_size" if target == "nemo" else "--{}-model-parallel-size"
    sizes = [int(said[stem.format(name).replace("context_model", "context").replace("context-model", "context")]) for name in names]
    assert nodes % math.prod(sizes) == 0
    assert nodes // math.prod(sizes) == given["dp"]


@pytest.mark.parametrize(("target", "key", "value"), [
    ("megatron", "--fp8-recipe", "tensorwise"), ("nemo", "mixed_precision", "bf16_with_fp8_current_scaling_mixed"),
    ("maxtext", "quantization", "fp8_full"), ("mindspeed", "--fp8-format", "e4m3"),
])  # fmt: skip
def test_an_fp8_row_asks_for_fp8_and_a_bf16_row_does_not(target: str, key: str, value: str) -> None:
    assert flags(launch(target, "llama-3.1-70b", **DENSE, scheme="fp8").command)[key] == value
    assert "fp8" not in launch(target, "llama-3.1-70b", **DENSE, scheme="bf16").command


def test_blackwell_scales_in_blocks_and_alone_trains_in_fp4() -> None:
    blackwell = "nvidia-b200-sxm-180gb"
    assert flags(launch("megatron", "llama-3.1-70b", chip=blackwell, **DENSE, scheme="fp8").command)["--fp8-recipe"] == "mxfp8"
    four = launch("megatron", "llama-3.1-70b", chip=blackwell, **DENSE, scheme="fp4")
    assert flags(four.command)["--fp4-format"] == "e2m1"
    assert "launch.needs_chip" not in keys(four)
    assert "launch.needs_chip" in keys(launch("megatron", "llama-3.1-70b", **DENSE, scheme="fp4"))


def test_chips_whose_sheet_has_the_rate_are_not_called_too_old_and_older_ones_are() -> None:
    for chip in load_chips(Catalogue()).values():
        if chip.segment != "datacenter" or chip.kind not in ("gpu", "npu"):
            continue
        for vendor, schemes in GENERATIONS.items():
            for scheme, (_, known) in schemes.items():
                if chip.id.startswith(vendor) and not math.isnan(chip.peaks.get(scheme, math.nan)):
                    assert chip.id.startswith(known), f"{chip.id} computes in {scheme}"
    for target, old in (("megatron", "nvidia-a100-sxm4-80gb"), ("mindspeed", "huawei-ascend-910b3")):
        assert "launch.needs_chip" in keys(launch(target, "llama-3.1-70b", chip=old, **DENSE, scheme="fp8"))


def test_int4_training_is_no_flag_anywhere_and_is_said() -> None:
    for target in TARGETS:
        launched = launch(target, "llama-3.1-70b", **DENSE, scheme="int4")
        assert "launch.no_precision" in keys(launched)
        assert "int4" not in launched.command


@pytest.mark.parametrize(("sharding", "strategy"), [("gradients", "optim_grads"), ("parameters", "optim_grads_params")])
def test_zero_2_and_3_are_megatron_fsdp_without_the_single_queue(sharding: str, strategy: str) -> None:
    command = launch("megatron", "llama-3.1-70b", **DENSE | {"sharding": sharding}).command
    assert flags(command)["--data-parallel-sharding-strategy"] == strategy
    assert "--use-megatron-fsdp" in command
    assert "CUDA_DEVICE_MAX_CONNECTIONS" not in command
    assert "CUDA_DEVICE_MAX_CONNECTIONS=1 " in launch("megatron", "llama-3.1-70b", **DENSE).command
    nemo = flags(launch("nemo", "llama-3.1-70b", **DENSE | {"sharding": sharding}).command)
    assert nemo["ddp.data_parallel_sharding_strategy"] == strategy
    assert "launch.no_gradient_sharding" in keys(launch("mindspeed", "llama-3.1-70b", **DENSE | {"sharding": sharding}))


def test_interleaving_is_layers_a_piece_where_they_divide_and_a_layout_where_not() -> None:
    given = DENSE | {"vpp": 5}
    assert flags(launch("megatron", "llama-3.1-70b", **given).command)["--num-layers-per-virtual-pipeline-stage"] == "4"  # 80 / (4 x 5)
    assert flags(launch("nemo", "llama-3.1-70b", **given).command)["model.virtual_pipeline_model_parallel_size"] == "5"
    tpu = flags(launch("maxtext", "llama-3.1-70b", **given).command)
    assert (tpu["num_layers_per_pipeline_stage"], tpu["num_pipeline_repeats"]) == ("4", "5")
    uneven = flags(launch("megatron", "llama-3.1-405b", **given).command)  # 126 layers, 20 pieces
    assert "--num-layers-per-virtual-pipeline-stage" not in uneven
    assert len(written_out(uneven["--pipeline-model-parallel-layout"])) == 20


def test_mindspeed_lists_uneven_stages_and_fills_uneven_pieces_with_empty_layers() -> None:
    listed = flags(launch("mindspeed", "deepseek-v3", **DEEPSEEK).command)["--num-layer-list"]
    assert sum(map(int, listed.split(","))) == 61
    filled = flags(launch("mindspeed", "deepseek-v3", **DEEPSEEK | {"vpp": 2, "pp": 8, "dp": 256}).command)
    assert filled["--num-layers"] == "64"  # as MindSpeed-LLM's own script for this model
    assert filled["--noop-layers"] == "61,62,63"
    assert filled["--num-layers-per-virtual-pipeline-stage"] == "4"


@pytest.mark.parametrize("target", ["megatron", "mindspeed"])
def test_recompute_is_none_selective_all_layers_or_the_first_of_each_piece(target: str) -> None:
    def asked(**given: Any) -> dict[str, str]:
        said = flags(launch(target, "llama-3.1-70b", **DENSE, **given).command)
        return {key: value for key, value in said.items() if key.startswith("--recompute")}

    assert asked(recompute="none") == {}
    assert asked(recompute="selective") == {"--recompute-granularity": "selective"}
    assert asked(recompute="full") == {"--recompute-granularity": "full", "--recompute-method": "uniform", "--recompute-num-layers": "1"}
    part = asked(recompute="full", recomputed=0.5)  # 20 layers a stage
    assert part == {"--recompute-granularity": "full", "--recompute-method": "block", "--recompute-num-layers": "10"}


def test_maxtext_keeps_the_batch_with_and_without_a_pipeline() -> None:
    piped = flags(launch("maxtext", "llama-3.1-70b", **DENSE).command)
    chips = 8 * 4 * 4 * 2
    assert float(piped["per_device_batch_size"]) * chips == 128
    assert piped["num_pipeline_microbatches"] == "32"  # 128 / 4 data parallel
    flat = flags(launch("maxtext", "llama-3.1-8b", dp=16, micro_batch=2, global_batch=128).command)
    assert float(flat["per_device_batch_size"]) * 16 * int(flat["gradient_accumulation_steps"]) == 128


def test_experts_beyond_data_parallelism_are_said_where_the_mesh_cannot_hold_them() -> None:
    launched = launch("maxtext", "mixtral-8x7b", tp=4, ep=8, dp=2, global_batch=16, sharding="parameters")
    assert flags(launched.command)["ici_expert_parallelism"] == "2"
    assert "launch.expert_axis" in keys(launched)


def test_maxtext_says_which_layers_run_outside_the_pipeline() -> None:
    launched = launch("maxtext", "deepseek-v3", **DEEPSEEK)  # 58 layers with experts on 16 stages: 48 inside, 10 and the 3 dense ones outside
    assert flags(launched.command)["pipeline_parallel_layers"] == "48"
    assert [note.values["layers"] for note in launched.notes if note.key == "launch.outside_pipeline"] == [13]


def test_maxtext_has_no_block_for_grouped_attention_with_dense_layers_and_a_shared_expert() -> None:
    launched = launch("maxtext", "glm-4.5", ep=8, dp=8, global_batch=64)
    said = flags(launched.command)
    assert {"dense_layers", "shared_expert"} <= left_out(launched)
    assert said["base_mlp_dim"] == said["base_moe_mlp_dim"]  # what configs/base.yml asks of a model with experts in every layer


def test_experts_with_tensor_parallelism_turn_sequence_parallelism_on() -> None:
    launched = launch("megatron", "mixtral-8x7b", tp=4, ep=8, dp=2, global_batch=16)
    assert "--sequence-parallel" in launched.command
    assert "launch.sequence_parallel" in keys(launched)


def test_lora_has_flags_in_three_frameworks_and_a_note_in_the_fourth() -> None:
    given = DENSE | {"method": "lora"}
    assert "launch.no_lora" in keys(launch("megatron", "llama-3.1-70b", **given))
    nemo = flags(launch("nemo", "llama-3.1-70b", **given).command)
    assert (nemo["--mode"], nemo["--model"], nemo["peft.dim"]) == ("lora", "llama31_70b", "16")
    assert "launch.no_lora" in keys(launch("nemo", "opt-66b", **given))
    assert flags(launch("maxtext", "llama-3.1-70b", **given).command)["lora.lora_rank"] == "16"
    assert flags(launch("mindspeed", "llama-3.1-70b", **given).command)["--lora-r"] == "16"


def test_what_a_target_cannot_say_is_a_note() -> None:
    linear = launch("megatron", "qwen3-next-80b-a3b", ep=8, dp=8, global_batch=64)
    assert flags(linear.command)["--linear-attention-freq"] == "([1]*3+[0]*1)*12"  # three of four layers are gated delta nets
    assert left_out(linear) == set()
    assert {"linear", "output_gate"} <= left_out(launch("mindspeed", "qwen3-next-80b-a3b", ep=8, dp=8, global_batch=64))
    assert "state_space" in left_out(launch("megatron", "nemotron-h-56b", dp=8, global_batch=64))
    assert "launch.layer_order" in keys(linear)
    assert "launch.draft" in keys(launch("megatron", "deepseek-v3", **DEEPSEEK))
    assert "launch.other_chip" in keys(launch("megatron", "llama-3.1-8b", chip="google-tpu-v5p"))
    assert "launch.uneven_batch" in keys(launch("megatron", "llama-3.1-8b", dp=8, global_batch=12))


def test_gpt3_is_learned_positions_biases_and_tied_embeddings() -> None:
    command = launch("megatron", "gpt3-175b", tp=8, pp=8, global_batch=8).command
    said = flags(command)
    assert said["--position-embedding-type"] == "learned_absolute"
    assert said["--normalization"] == "LayerNorm"
    assert not {"--swiglu", "--disable-bias-linear", "--untie-embeddings-and-output-weights"} & said.keys()
    assert flags(launch("maxtext", "gpt3-175b", tp=8, pp=8, global_batch=64).command)["decoder_block"] == "gpt3"


def many() -> list[dict[str, Any]]:
    """Rows that reach every branch of a target."""
    base = {"tp": 2, "pp": 4, "dp": 4, "ep": 4, "global_batch": 64, "length": 4096}
    turns = [
        {"sharding": SHARDINGS[turn % 4], "recompute": RECOMPUTES[turn % 3], "recomputed": 1 - turn % 2 / 2, "vpp": 1 + turn % 2, "cp": 1 + turn // 2 % 2,
         "sequence_parallel": turn % 2, "fused": turn // 3 % 2, "scheme": SCHEMES[turn % 5], "method": METHODS[turn // 6 % 2]}
        for turn in range(12)
    ]  # fmt: skip
    return [base | turn for turn in turns] + [{"dp": 8, "global_batch": 8}, base | {"pp": 16, "vpp": 2}]


@cache
def everything(target: str) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """Flags, and notes with their sentences, of every model on several chips."""
    said: set[str] = set()
    notes: set[tuple[str, str]] = set()
    for model in models():
        for turn, given in enumerate(many()):
            launched = launch(target, model, chip=("", "nvidia-b200-sxm-180gb", "nvidia-a100-sxm4-80gb")[turn % 3], **given)
            said |= flags(launched.command).keys()
            notes |= {(note.key, say(note.key, language, **note.values)) for note in launched.notes for language in LANGUAGES}
    return frozenset(said), frozenset(notes)


@pytest.mark.parametrize("target", TARGETS)
def test_every_flag_was_found_on_a_page_and_every_page_flag_is_used(target: str) -> None:
    listed = {flag for page in PAGES if page["target"] == target for flag in page["flags"]}
    said, _ = everything(target)
    assert said - listed == set()
    assert listed - said == set()


def test_every_page_has_an_address_and_the_day_it_was_read() -> None:
    assert {page["target"] for page in PAGES} == set(TARGETS)
    for page in PAGES:
        assert page["url"].startswith("https://")
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", page["read_on"])
        assert page["title"]


def test_every_note_has_a_sentence_and_every_sentence_is_used() -> None:
    seen = {key for target in TARGETS for key, _ in everything(target)[1]}
    stated = {f"launch.{key}" for key in sentences("en", "launch") if not key.startswith("feature.")}
    rare = {"launch.unknown_target", "launch.uneven_batch", "launch.uneven_nodes", "launch.expert_axis", "launch.microbatches"}
    assert seen - stated == set()
    assert stated - seen - rare == set()


def test_a_command_pastes_as_one_command() -> None:
    for target in TARGETS:
        command = launch(target, "deepseek-v3", **DEEPSEEK).command
        lines = command.split("\n")
        assert all(line.endswith(" \\") for line in lines[:-1])
        assert not lines[-1].endswith("\\")
        assert shlex.split(command.replace("\\\n", " "))


def test_another_target_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r'no launch flags for "deepspeed".*megatron, nemo, maxtext, mindspeed'):
        launch_flags("deepspeed", models()["llama-3.1-8b"], training_configs(1), 0, "nvidia-h100-sxm5-80gb", 8)
