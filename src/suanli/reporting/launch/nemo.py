"""NeMo's Megatron Bridge: ``scripts/training/run_recipe.py`` with a library recipe and overrides of its ConfigContainer.

A full training starts from the plain GPT recipe, or from DeepSeek-V3's where attention is latent (only its model class holds those fields);
LoRA starts from the fine-tuning recipe of the model itself, which must exist.
"""

from __future__ import annotations

from suanli.reporting.launch.command import Target, quoted, said, set_to, spread, typed
from suanli.reporting.launch.job import Job, pipeline_layout, recomputed_layers
from suanli.reporting.launch.shape import Shape
from suanli.words import Phrase

NAME = "NeMo (Megatron Bridge)"
PLAIN, LATENT_RECIPE = "vanilla_gpt_pretrain_config", "deepseek_v3_pretrain_config"
#: our model -> the stem of its fine-tuning recipe in megatron.bridge.recipes
STEMS = {
    "gemma-2-9b": "gemma2_9b",
    "gemma-2-27b": "gemma2_27b",
    "glm-4.5": "glm45_355b",
    "gpt-oss-20b": "gpt_oss_20b",
    "gpt-oss-120b": "gpt_oss_120b",
    "llama-3-8b": "llama3_8b",
    "llama-3-70b": "llama3_70b",
    "llama-3.1-8b": "llama31_8b",
    "llama-3.1-70b": "llama31_70b",
    "llama-3.1-405b": "llama31_405b",
    "llama-3.2-1b": "llama32_1b",
    "llama-3.2-3b": "llama32_3b",
    "qwen2-7b": "qwen2_7b",
    "qwen2-72b": "qwen2_72b",
    "qwen2.5-0.5b": "qwen25_500m",
    "qwen2.5-1.5b": "qwen25_1p5b",
    "qwen2.5-7b": "qwen25_7b",
    "qwen2.5-14b": "qwen25_14b",
    "qwen2.5-32b": "qwen25_32b",
    "qwen2.5-72b": "qwen25_72b",
    "qwen3-0.6b": "qwen3_600m",
    "qwen3-1.7b": "qwen3_1p7b",
    "qwen3-4b": "qwen3_4b",
    "qwen3-8b": "qwen3_8b",
    "qwen3-14b": "qwen3_14b",
    "qwen3-32b": "qwen3_32b",
    "qwen3-30b-a3b": "qwen3_30b_a3b",
    "qwen3-235b-a22b": "qwen3_235b_a22b",
    "qwen3-next-80b-a3b": "qwen3_next_80b_a3b",
}
NODES = {"--nnodes": "nodes", "--nproc_per_node": "node_chips"}
PARALLEL = {
    "model.tensor_model_parallel_size": "tp",
    "model.pipeline_model_parallel_size": "pp",
    "model.context_parallel_size": "cp",
}
BATCH = {"train.micro_batch_size": "micro_batch", "train.global_batch_size": "global_batch"}
MODEL = {
    "model.num_layers": "layers",
    "model.hidden_size": "hidden",
    "model.ffn_hidden_size": "dense_width",
    "model.num_attention_heads": "heads",
    "model.num_query_groups": "kv_heads",
    "model.kv_channels": "head_dim",
    "model.gated_linear_unit": "gated",
    "model.add_qkv_bias": "extra_bias",
    "model.qk_layernorm": "qk_norm",
    "model.attention_output_gate": "output_gate",
}
LATENT = {
    "model.q_lora_rank": "query_rank",
    "model.kv_lora_rank": "kv_rank",
    "model.qk_head_dim": "nope_dim",
    "model.qk_pos_emb_head_dim": "rope_dim",
    "model.v_head_dim": "value_dim",
}
EXPERTS = {
    "model.num_moe_experts": "experts",
    "model.moe_router_topk": "active",
    "model.moe_ffn_hidden_size": "expert_width",
    "model.moe_shared_expert_intermediate_size": "shared_width",
    "model.moe_shared_expert_gate": "shared_gate",
    "model.moe_latent_size": "expert_latent",
}
OVERLAP = ["ddp.overlap_grad_reduce=true", "ddp.overlap_param_gather=true"]
FSDP = ["ddp.use_megatron_fsdp=true", "checkpoint.ckpt_format=fsdp_dtensor"]
SHARED = ["ddp.use_distributed_optimizer=true", "optimizer.use_distributed_optimizer=true"]
SHARDING = {
    "none": [
        "ddp.use_distributed_optimizer=false", "optimizer.use_distributed_optimizer=false",
        "ddp.overlap_grad_reduce=true", "ddp.overlap_param_gather=false",
    ],
    "optimizer": [*SHARED, *OVERLAP],
    "gradients": [*FSDP, "ddp.data_parallel_sharding_strategy=optim_grads", *SHARED, *OVERLAP],
    "parameters": [*FSDP, "ddp.data_parallel_sharding_strategy=optim_grads_params", *SHARED, *OVERLAP],
}  # fmt: skip
#: names of the mixed-precision recipes, on chips that scale in blocks and on others
PRECISION = {
    True: {"fp8": "bf16_with_mxfp8_mixed", "fp4": "bf16_with_nvfp4_mixed"},
    False: {"fp8": "bf16_with_fp8_current_scaling_mixed", "fp4": "bf16_with_nvfp4_mixed"},
}


def command(shape: Shape, job: Job) -> tuple[str, list[Phrase]]:
    """The command and what it leaves out."""
    notes = job.too_old(NAME)
    stem = STEMS.get(job.model_id, "") if job.method == "lora" else ""
    if job.method == "lora":
        notes.append(Phrase("launch.lora_recipe", {"target": NAME}) if stem else Phrase("launch.no_lora", {"target": NAME}))
    split = [
        [*set_to(PARALLEL, job), *_pipeline(shape.layers, job), *_experts_parallel(shape, job)],
        [*set_to(BATCH, job), 'train.train_iters="$TRAIN_ITERS"', 'optimizer.lr="$LEARNING_RATE"'],
        [*SHARDING[job.sharding], *_recompute(shape.layers, job)],
        [f"mixed_precision={PRECISION[job.block_scaled].get(job.scheme, 'bf16_mixed')}", *([] if job.fused else ["model.attention_backend=unfused"])],
    ]
    if stem:
        head = [f"--model {stem}", "--mode lora", '--pretrained_checkpoint "$PRETRAINED"', f"--seq_length {job.length}"]
        return typed(_start(job), [["scripts/training/run_recipe.py"], head, *split, [f"peft.dim={job.rank}"]]), notes
    head = [f"--recipe {LATENT_RECIPE if shape.latent else PLAIN}", "--mode pretrain", "--dataset mock", f"--seq_length {job.length}"]
    return typed(_start(job), [["scripts/training/run_recipe.py"], head, *split, *_dimensions(shape)]), notes


def _start(job: Job) -> str:
    place = ['--node_rank "$NODE_RANK"', '--master_addr "$MASTER_ADDR"', '--master_port "$MASTER_PORT"'] if job.nodes > 1 else []
    return " ".join(["uv run python -m torch.distributed.run", *said(NODES, job), *place])


def _yes(value: bool) -> str:
    return "true" if value else "false"


def _pipeline(layers: int, job: Job) -> list[str]:
    """Sequence parallelism, pieces of the pipeline: their number, or a layout where the layers do not divide."""
    found = [f"model.sequence_parallel={_yes(job.sequence_parallel)}"] + (["model.cp_comm_type=p2p"] if job.cp > 1 else [])
    if layers % job.chunks:
        layout = f'model.pipeline_model_parallel_layout="{pipeline_layout(layers, job.chunks)}"'
        return [*found, quoted(layout)]
    pieces = f"model.virtual_pipeline_model_parallel_size={job.vpp if job.vpp > 1 else 'null'}"
    return [*found, pieces, "model.pipeline_model_parallel_layout=null"]


def _experts_parallel(shape: Shape, job: Job) -> list[str]:
    return [f"model.expert_model_parallel_size={job.ep}", "model.expert_tensor_parallel_size=1"] if shape.experts else []


def _recompute(layers: int, job: Job) -> list[str]:
    if job.recompute == "none":
        return ["model.recompute_granularity=null"]
    if job.recompute == "selective":
        return ["model.recompute_granularity=selective"]
    method, count = ("uniform", 1) if job.recomputed >= 1 else ("block", recomputed_layers(layers, job))
    return ["model.recompute_granularity=full", f"model.recompute_method={method}", f"model.recompute_num_layers={count}"]


def _dimensions(shape: Shape) -> list[list[str]]:
    """The model in the recipe's place; norm and positions, which the catalogue does not hold, go with a gated or a plain feed-forward part."""
    around = [
        f"model.share_embeddings_and_output_weights={_yes(shape.tied)}", f"model.add_bias_linear={_yes(shape.biased)}",
        f"model.normalization={'RMSNorm' if shape.modern else 'LayerNorm'}", *(["model.activation_func=silu"] if shape.gated else []),
    ]  # fmt: skip
    if not shape.latent:
        around.append(f"model.position_embedding_type={'learned_absolute' if shape.learned_positions else 'rope'}")
    latent = set_to(LATENT, shape) + (["model.q_lora_rank=null"] if not shape.query_rank else []) + ["model.mtp_num_layers=null"] if shape.latent else []
    vocabulary = [f"model.vocab_size={shape.vocabulary}", f"tokenizer.vocab_size={shape.vocabulary}"]
    return [set_to(MODEL, shape), around, latent + _window(shape), _experts(shape), vocabulary]


def _window(shape: Shape) -> list[str]:
    if not shape.window:
        return []
    full = shape.layers - shape.windowed
    return [_listed("model.window_size", [shape.window, 0]), *([_listed("model.window_attn_skip_freq", spread(shape.windowed, full))] if full else [])]


def _experts(shape: Shape) -> list[str]:
    if not shape.experts:
        return []
    mixed = sum(shape.expert_layers)
    layers = list(shape.expert_layers) if shape.leading_dense > 0 else spread(mixed, shape.layers - mixed)
    which = [_listed("model.moe_layer_freq", layers)] if mixed < shape.layers else []
    return [*set_to(EXPERTS, shape), *which, "model.moe_grouped_gemm=true", "model.moe_token_dispatcher_type=alltoall"]


def _listed(key: str, values: list[int]) -> str:
    return quoted(f"{key}=[{','.join(map(str, values))}]")


TARGET = Target(
    name=NAME, chips=("nvidia-",), schemes=("bf16", "fp8", "fp4"), write=command,
    expresses=frozenset({"window", "mixed_windows", "output_gate", "shared_gate", "expert_latent"}),
)  # fmt: skip
