"""The model catalogue: sizes as published, caches by arithmetic, imports equal to the bundled files, errors of one line."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import pytest

from suanli.errors import BadFile, BadInput, SuanliError, UnknownName
from suanli.facts import Catalogue
from suanli.facts.names import fold
from suanli.models import Model, Weights, architecture_of_config, cache_elements, load_models, operators, read_model, state_elements
from suanli.models.importing import is_known_family, weights_of_config
from suanli.words import sentences

CONFIGS = Path(__file__).parents[2] / "shared" / "facts" / "model_configs"
CONFIG_FILES = sorted(CONFIGS.glob("*_config.json")) if CONFIGS.is_dir() else []
TINY: dict[str, object] = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
TINY |= {"intermediate_size": 128, "vocab_size": 100}
TRUTH = Path(__file__).parents[2] / "shared" / "truth"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture(scope="module")
def models(catalogue: Catalogue) -> dict[str, Model]:
    return load_models(catalogue)


def test_at_least_a_hundred_models_are_bundled(models: dict[str, Model]) -> None:
    assert len(models) >= 100


def test_every_parameter_count_is_within_two_percent_of_the_published_one(models: dict[str, Model]) -> None:
    published = [model for model in models.values() if not math.isnan(model.published_parameters)]
    misses = {m.id: (m.parameters, m.published_parameters) for m in published if abs(m.parameters / m.published_parameters - 1) > 0.02}
    assert len(published) >= 100
    assert misses == {}


def test_every_active_count_is_within_five_percent_under_one_of_the_three_definitions_in_use(models: dict[str, Model]) -> None:
    """Owners count with the head but not the input table, with both, or with neither."""
    misses = {}
    for model in models.values():
        if math.isnan(model.published_active):
            continue
        table = model.architecture.vocabulary * model.architecture.hidden
        definitions = [model.active, model.active + (0 if model.architecture.tied_embeddings else table), model.active - table]
        if min(abs(each / model.published_active - 1) for each in definitions) > 0.05:
            misses[model.id] = (definitions, model.published_active)
    assert misses == {}


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        # as the paper or the checkpoint counts them, to the last parameter; ours leaves out a few biases and norms (under 0.02 %)
        ("llama-2-7b", 6_738_415_616),
        ("llama-3-8b", 8_030_261_248),
        ("llama-3.1-405b", 405_853_388_800),
        ("mixtral-8x7b", 46_702_792_704),
        ("gpt-neox-20b", 20_554_567_680),
        ("gpt2", 124_439_808),
        ("bloom-176b", 176_247_271_424),
        ("mpt-70b", 64_862_437_376),
        ("deepseek-v3", 671_026_404_352),
    ],
)
def test_where_the_exact_count_is_known_ours_is_within_a_twentieth_of_a_percent(models: dict[str, Model], name: str, exact: int) -> None:
    assert models[name].parameters == pytest.approx(exact, rel=5e-4)


def test_llama_3_1_8b_counted_by_hand(models: dict[str, Model]) -> None:
    # a layer: q and output 4096 x 4096 each, k and v 4096 x 1024 each, three of 4096 x 14336; two norms; 32 layers; two vocabulary tables
    layer = 2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336 + 2 * 4096
    assert models["llama-3.1-8b"].parameters == 32 * layer + 2 * 128256 * 4096 + 4096


def test_op_lists_have_four_to_forty_ops(models: dict[str, Model]) -> None:
    assert {model.id: len(model.ops) for model in models.values() if not 4 <= len(model.ops) <= 40} == {}


def test_no_two_models_share_a_name_in_any_case(models: dict[str, Model]) -> None:
    owners: dict[str, set[str]] = {}
    for model in models.values():
        for name in (model.id, model.name, model.name_zh, *model.aliases):
            if name:
                owners.setdefault(fold(name), set()).add(model.id)
    assert {name: ids for name, ids in owners.items() if len(ids) > 1} == {}
    repeated = {model.id for model in models.values() if len({alias.lower() for alias in model.aliases}) < len(model.aliases)}
    assert repeated == set()


def test_the_catalogue_loads_in_well_under_a_second() -> None:
    start = time.perf_counter()
    load_models(Catalogue())
    assert time.perf_counter() - start < 2.0  # 0.1 s on an idle core


# Caches ---------------------------------------------------------------------------------------------------------------------------


def test_llama_3_1_70b_caches_320_kib_per_token_in_16_bit(models: dict[str, Model]) -> None:
    cache = cache_elements(models["llama-3.1-70b"].ops)
    assert (cache.per_token, cache.windowed) == (80 * 2 * 8 * 128, ())
    assert cache.at(1) * 2 == 327_680


def test_gpt3_caches_4_72_megabytes_per_token(models: dict[str, Model]) -> None:
    assert cache_elements(models["gpt3-175b"].ops).per_token == 96 * 2 * 12288 == 2_359_296
    assert cache_elements(models["gpt3-175b"].ops).at(1) * 2 / 1e6 == pytest.approx(4.72, abs=0.005)


def test_latent_attention_caches_576_elements_a_layer(models: dict[str, Model]) -> None:
    assert cache_elements(models["deepseek-v3"].ops).per_token == 61 * 576
    # DeepSeek-V3.2 adds the indexer's key of 128 elements
    assert cache_elements(models["deepseek-v3.2"].ops).per_token == 61 * (576 + 128)
    # GLM-5.2 has an indexer in 21 of 78 layers: the first three and every fourth from the seventh on
    assert cache_elements(models["glm-5.2"].ops).per_token == 78 * 576 + 21 * 128


def test_sliding_layers_stop_caching_at_their_window(models: dict[str, Model]) -> None:
    # gpt-oss-120b: 18 full layers and 18 with a window of 128, each 2 x 8 x 64 elements per token
    cache = cache_elements(models["gpt-oss-120b"].ops)
    assert (cache.per_token, cache.windowed) == (18 * 1024, ((128, 18 * 1024),))
    assert cache.at(100) == 36 * 1024 * 100
    assert cache.at(10_000) == 18 * 1024 * 10_000 + 18 * 1024 * 128


def test_deepseek_v4_flash_keeps_a_window_and_compressed_entries(models: dict[str, Model]) -> None:
    # 43 layers keep 512 elements for 128 tokens; 21 a 512 + 128 element entry per 4 tokens, 20 one of 512 per 128 tokens
    cache = cache_elements(models["deepseek-v4-flash"].ops)
    assert cache.windowed == ((128, 43 * 512),)
    assert cache.per_token == pytest.approx(21 * (512 + 128) / 4 + 20 * 512 / 128)


def test_linear_attention_and_state_space_keep_states_of_fixed_size(models: dict[str, Model]) -> None:
    assert state_elements(models["qwen3.5-397b-a17b"].ops) == 45 * 64 * 128 * 128
    assert cache_elements(models["qwen3.5-397b-a17b"].ops).per_token == 15 * 2 * 2 * 256
    assert state_elements(models["nemotron-3-nano-30b-a3b"].ops) == 23 * 64 * 64 * 128
    assert state_elements(models["llama-3.1-8b"].ops) == 0


# Importing ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not CONFIG_FILES, reason="needs the published configurations in ../shared/facts/model_configs")
@pytest.mark.parametrize("path", CONFIG_FILES, ids=lambda path: path.name.removesuffix("_config.json"))
def test_a_published_config_imports_as_the_bundled_architecture(path: Path, models: dict[str, Model], catalogue: Catalogue) -> None:
    config = json.loads(path.read_text(encoding="utf-8"))
    repository = path.name.removesuffix("_config.json").replace("--", "/")
    architecture, _ = architecture_of_config(config, path.name)
    bundled = read_model(repository, catalogue)
    assert is_known_family(config)
    # a quantised copy by another owner may state another context length
    assert architecture.model_copy(update={"context": bundled.architecture.context}) == bundled.architecture
    assert operators(architecture) == models[bundled.id].ops


def test_layers_keep_their_kinds_and_counts_whatever_the_names_of_the_keys() -> None:
    small = {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024, "vocab_size": 50257}
    gpt2, _ = architecture_of_config(small)
    assert (gpt2.positions, gpt2.tied_embeddings, gpt2.ffns["dense"].width, gpt2.ffns["dense"].matrices) == (1024, True, 3072, 2)
    dbrx = {
        "model_type": "dbrx", "d_model": 6144, "n_layers": 40, "n_heads": 48, "vocab_size": 100352, "attn_config": {"kv_n_heads": 8},
        "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4},
    }  # fmt: skip
    mixture = architecture_of_config(dbrx)[0].ffns["mixture"]
    assert (mixture.experts, mixture.active, mixture.width) == (16, 4, 10752)
    falcon = {"model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 32, "num_attention_heads": 71, "multi_query": True}
    falcon |= {"vocab_size": 65024}
    assert architecture_of_config(falcon)[0].mixers["attention"].kv_heads == 1


def test_variable_grouped_attention_gives_one_block_per_width() -> None:
    config = TINY | {"num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads_per_layer": [4, 2, 4, 1]}
    architecture, _ = architecture_of_config(config)
    assert sorted(part.kv_heads for part in architecture.mixers.values()) == [1, 2, 4]
    assert [block.count for block in architecture.blocks] == [2, 1, 1]


@pytest.mark.parametrize(
    ("quantisation", "weights"),
    [
        ({}, Weights()),
        ({"quant_method": "fp8", "fmt": "e4m3"}, Weights(default="fp8")),
        ({"quant_method": "mxfp4"}, Weights(experts="fp4")),
        ({"quant_method": "awq", "bits": 4}, Weights(default="int4")),
        ({"quant_method": "gptq", "bits": 8}, Weights(default="int8")),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, Weights(default="fp4")),
        (
            {"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"num_bits": 8, "type": "int"}}}},
            Weights(default="int8"),
        ),
    ],
)
def test_quantisation_names_the_precision_of_the_weights(quantisation: dict[str, object], weights: Weights) -> None:
    assert weights_of_config({"quantization_config": quantisation}) == weights


# Reading a name -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("llama-3.1-70b", "llama-3.1-70b"),
        ("LLAMA3_70B", "llama-3-70b"),
        ("Qwen/Qwen3-32B", "qwen3-32b"),
        ("https://huggingface.co/deepseek-ai/DeepSeek-R1/blob/main/config.json", "deepseek-r1"),
        ("GPT 39.1B (L=48, h=8192)", "megatron-39.1b"),
        ("Llama3 70b Finetuning LORA BF16", "llama-3-70b"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("智谱 GLM-5", "glm-5"),
    ],
)
def test_a_model_is_found_by_any_of_its_names(text: str, id: str, catalogue: Catalogue) -> None:
    assert read_model(text, catalogue).id == id


def test_a_precision_in_the_name_sets_the_precision_of_the_weights(catalogue: Catalogue) -> None:
    assert read_model("Qwen/Qwen3-32B-FP8", catalogue).weights == Weights(default="fp8")
    assert read_model("nvidia/DeepSeek-R1-0528-FP4", catalogue).weights == Weights(default="fp4")
    assert read_model("deepseek-ai/DeepSeek-R1", catalogue).weights == Weights(default="fp8")


@pytest.mark.skipif(not TRUTH.is_dir(), reason="needs the measured tables in ../shared/truth")
@pytest.mark.parametrize("table", ["serving_silicon", "serving_papers", "serving_offline_batch", "training"])
def test_the_language_models_of_the_measured_tables_resolve(table: str, catalogue: Catalogue) -> None:
    import csv

    with (TRUTH / f"{table}.csv").open(encoding="utf-8") as file:
        names = {row["model"] for row in csv.DictReader(file)}
    unresolved = set()
    for name in names:
        try:
            read_model(name, catalogue)
        except UnknownName:
            unresolved.add(name)
    # shapes that we could not read from their owners, and models that are not of language
    vision = {"llava1.5_7b-deepspeed-torch", "llava1.5_13b-deepspeed-torch", "wan2.1-14b"}
    assert unresolved <= {"DeciLM-7B", "gemma4-2b", "gemma4-4b"} | vision


def test_a_saved_config_or_its_folder_is_read(tmp_path: Path, catalogue: Catalogue) -> None:
    folder = tmp_path / "Tiny-FP8"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(TINY), encoding="utf-8")
    for text in (str(folder), str(folder / "config.json")):
        model = read_model(text, catalogue)
        assert (model.id, model.own, model.note, model.weights.default) == ("tiny-fp8", True, "", "fp8")
        assert model.parameters == 2 * (4 * 64 * 64 + 3 * 64 * 128 + 2 * 64) + 2 * 100 * 64 + 64


def test_an_unfamiliar_model_type_is_read_by_standard_keys_with_a_notice(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(TINY | {"model_type": "brandnew"}), encoding="utf-8")
    assert "brandnew" in read_model(str(path), catalogue).note
    assert "brandnew" in read_model(str(path), catalogue, "zh").note


# Errors ---------------------------------------------------------------------------------------------------------------------------


def one_line(error: SuanliError, *parts: str) -> None:
    for language in ("en", "zh"):
        said = error.say(language)
        assert "\n" not in said
        assert "{" not in said
        assert all(part in said for part in parts), said


@pytest.mark.parametrize("key", ["hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"])
def test_a_missing_essential_key_is_named(key: str) -> None:
    config = dict(TINY)
    del config[key]
    with pytest.raises(BadFile) as caught:
        architecture_of_config(config, "x/config.json")
    one_line(caught.value, "x/config.json", "vocab_size" if key == "vocab_size" else key)


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": "wide"}, {"num_key_value_heads": 3}, {"num_hidden_layers": -1}, {"layers_block_type": ["mamba", "strange"]},
        {"linear_attn_config": {"kda_layers": [1]}, "kv_lora_rank": 4}, {"num_local_experts": 4, "num_experts_per_tok": 8},
    ],
)  # fmt: skip
def test_an_impossible_config_is_one_line(change: dict[str, object]) -> None:
    with pytest.raises(BadFile) as caught:
        architecture_of_config(TINY | change, "x/config.json")
    one_line(caught.value, "x/config.json")


@pytest.mark.parametrize("content", ["{", "[]", "null", "\x00"])
def test_an_unreadable_config_is_one_line(content: str, tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadFile) as caught:
        read_model(str(path), catalogue)
    one_line(caught.value, "broken.json")
    with pytest.raises(BadFile):
        read_model(str(tmp_path / "absent.json"), catalogue)


def test_an_unknown_name_offers_the_nearest_models(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownName) as caught:
        read_model("lama-3.1-70b", catalogue)
    one_line(caught.value, "llama-3.1-70b")


def test_an_unknown_repository_without_the_package_says_how_to_get_it(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(BadInput) as caught:
        read_model("someone/Llama-3.1-70B-clone", catalogue)
    one_line(caught.value, "someone/Llama-3.1-70B-clone", "llama-3.1-70b", "suanli[hub]", "config.json")


def test_an_unknown_repository_offline_is_one_line_and_never_hangs(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="the hub extra is not installed")

    def unreachable(*_: object, **__: object) -> str:
        raise ConnectionError("network is unreachable\nsecond line")

    monkeypatch.setattr(hub, "hf_hub_download", unreachable)
    with pytest.raises(BadInput) as caught:
        read_model("someone/Llama-3.1-70B-clone", catalogue)
    one_line(caught.value, "network is unreachable", "llama-3.1-70b")
    monkeypatch.setattr(hub, "hf_hub_download", lambda *_, **__: time.sleep(5))
    monkeypatch.setattr("suanli.models.reading._PATIENCE", 0.1)
    start = time.perf_counter()
    with pytest.raises(BadInput) as caught:
        read_model("someone/Llama-3.1-70B-clone", catalogue)
    assert time.perf_counter() - start < 2
    one_line(caught.value, "llama-3.1-70b")


def test_a_repository_is_imported_from_its_downloaded_config(tmp_path: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="the hub extra is not installed")
    path = tmp_path / "config.json"
    path.write_text(json.dumps(TINY), encoding="utf-8")
    monkeypatch.setattr(hub, "hf_hub_download", lambda *_, **__: str(path))
    model = read_model("https://huggingface.co/someone/Tiny-1B/tree/main", catalogue)
    assert (model.id, model.developer, model.architecture.hidden) == ("tiny-1b", "someone", 64)


def test_every_sentence_exists_in_both_languages_with_the_same_placeholders() -> None:
    import string

    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english, chinese = sentences("en", "models"), sentences("zh", "models")
    assert english.keys() == chinese.keys()
    assert {key for key in english if fields(english[key]) != fields(chinese[key])} == set()
