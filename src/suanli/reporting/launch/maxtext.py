"""MaxText: ``maxtext.trainers.pre_train.train`` with overrides of configs/base.yml.

Its mesh is a product of axes, experts among them, each split into a part inside a slice of TPUs or a node of GPUs (ici) and a part between (dcn).
"""

from __future__ import annotations

import math

from suanli.reporting.launch.command import Target, quoted, set_to, typed
from suanli.reporting.launch.job import Job
from suanli.reporting.launch.shape import Shape
from suanli.words import Phrase

NAME = "MaxText"
TRAIN, TUNE = "maxtext.trainers.pre_train.train", "maxtext.trainers.post_train.sft.train_sft src/maxtext/configs/post_train/sft.yml"
#: the mesh's axes, the ones that talk most first: they are kept inside a slice
AXES = ("tensor", "tensor_sequence", "context", "expert", "fsdp", "data", "pipeline")
MODEL = {
    "base_num_decoder_layers": "layers",
    "base_emb_dim": "hidden",
    "base_num_query_heads": "heads",
    "head_dim": "head_dim",
    "vocab_size": "vocabulary",
    "logits_via_embedding": "tied",
    "attention_bias": "qkv_bias",
    "use_qk_norm": "head_norm",
    "trainable_position_size": "learned_positions",
}
LATENT = {
    "q_lora_rank": "query_rank",
    "kv_lora_rank": "kv_rank",
    "qk_nope_head_dim": "nope_dim",
    "qk_rope_head_dim": "rope_dim",
    "v_head_dim": "value_dim",
}
INDEXER = {"indexer_n_heads": "index_heads", "indexer_head_dim": "index_dim", "indexer_topk": "index_topk"}
EXPERTS = {"num_experts": "experts", "num_experts_per_tok": "active", "base_moe_mlp_dim": "expert_width"}
#: recompute -> policy; flash attention does not keep its scores, and ``minimal`` computes the attention core again
REMAT = {"none": "minimal_with_context", "selective": "minimal", "full": "full"}
#: beginning of a chip's id -> scheme -> overrides; TPUs and AMD quantize through Qwix, NVIDIA through Transformer Engine
PRECISION = {
    "google-": {"fp8": ["quantization=fp8_full", "use_qwix_quantization=true"], "int8": ["quantization=int8", "use_qwix_quantization=true"]},
    "amd-": {"fp8": ["quantization=fp8_nanoo", "use_qwix_quantization=true"], "int8": ["quantization=int8", "use_qwix_quantization=true"]},
    "nvidia-": {"fp8": ["quantization=te_fp8_currentscaling"], "int8": ["quantization=int8", "use_qwix_quantization=true"]},
}
BLOCK_SCALED = {"fp8": ["quantization=te_mxfp8"], "fp4": ["quantization=te_nvfp4"]}


def command(shape: Shape, job: Job) -> tuple[str, list[Phrase]]:
    """The command and what it leaves out."""
    notes: list[Phrase] = []
    groups = [
        ['run_name="${RUN_NAME?}"', 'base_output_directory="${BASE_OUTPUT_DIRECTORY?}"', *_data(job), 'steps="${STEPS?}"'],
        _mesh(shape, job, notes),
        [*_batch(job, notes), f"max_target_length={job.length}"],
        _pipeline(shape, job, notes),
        [*_model(shape, notes), *_feed_forward(shape, notes)],
        _latent(shape),
        [f"remat_policy={REMAT[job.recompute]}", *_precision(job, notes), *_hardware(shape, job)],
    ]
    if job.sharding == "gradients":
        notes.append(Phrase("launch.no_gradient_sharding", {"target": NAME, "instead": "FSDP"}))
    if job.recompute == "full" and job.recomputed < 1:
        notes.append(Phrase("launch.no_partial_recompute", {"target": NAME}))
    return typed(f"python3 -m {TUNE if job.method == 'lora' else TRAIN}", groups), notes


def _data(job: Job) -> list[str]:
    if job.method != "lora":
        return ["dataset_type=synthetic"]
    return ['load_parameters_path="${MAXTEXT_CKPT_PATH?}"', "lora.enable_lora=True", f"lora.lora_rank={job.rank}", f"lora.lora_alpha={2 * job.rank}"]


def mesh(shape: Shape, job: Job) -> dict[str, int]:
    """Size of each axis; experts take their share of the data-parallel chips, as far as it goes."""
    experts = math.gcd(job.ep, job.dp) if shape.experts else 1
    sharded = job.fully_sharded
    return {
        "tensor": 1 if job.sequence_parallel else job.tp, "tensor_sequence": job.tp if job.sequence_parallel else 1, "context": job.cp, "expert": experts,
        "fsdp": job.dp // experts if sharded else 1, "data": 1 if sharded else job.dp // experts, "pipeline": job.pp,
    }  # fmt: skip


def _mesh(shape: Shape, job: Job, notes: list[Phrase]) -> list[str]:
    """Every axis in two parts whose products are the chips of a slice and the number of slices."""
    sizes = mesh(shape, job)
    if shape.experts and sizes["expert"] < job.ep:
        notes.append(Phrase("launch.expert_axis", {"target": NAME, "asked": job.ep, "given": sizes["expert"]}))
    inner, outer, room = [], [], job.node_chips
    for axis in AXES:
        inside = math.gcd(sizes[axis], room)
        room //= inside
        if axis in ("fsdp", "data") or sizes[axis] > 1:
            inner.append(f"ici_{axis}_parallelism={inside}")
            outer.append(f"dcn_{axis}_parallelism={sizes[axis] // inside}")
    return inner + outer + (["shard_optimizer_over_data=true"] if job.sharding == "optimizer" else [])


def _batch(job: Job, notes: list[Phrase]) -> list[str]:
    """One forward pass holds ``per_device_batch_size`` x chips sequences: a micro-batch, or with a pipeline the whole batch."""
    if job.pp == 1:
        share = job.micro_batch * job.dp / job.chips
        return [f"per_device_batch_size={share:g}", f"gradient_accumulation_steps={job.micro_batches}"]
    if job.micro_batches % job.pp:
        notes.append(Phrase("launch.microbatches", {"target": NAME, "count": job.micro_batches, "stages": job.pp}))
    return [f"per_device_batch_size={job.global_batch / job.chips:g}", f"num_pipeline_microbatches={job.micro_batches}"]


def _pipeline(shape: Shape, job: Job, notes: list[Phrase]) -> list[str]:
    """Layers of a stage and how often a stage comes round; layers that are left over run outside the pipeline."""
    if job.pp == 1:
        return []
    layers = shape.layers - (max(shape.leading_dense, 0) if shape.latent else 0)
    each = layers // job.chunks
    inside = each * job.chunks
    if inside < shape.layers:
        notes.append(Phrase("launch.outside_pipeline", {"target": NAME, "layers": shape.layers - inside}))
    return [f"num_layers_per_pipeline_stage={each}", f"num_pipeline_repeats={job.vpp}", f"pipeline_parallel_layers={inside}"]


def _block(shape: Shape) -> str:
    """The decoder block with these parts."""
    if shape.latent:
        return "deepseek"
    if shape.learned_positions:
        return "gpt3"
    if shape.experts:
        return "qwen3_moe" if shape.qk_norm else "mixtral"
    return "qwen3" if shape.qk_norm else "qwen2" if shape.extra_bias else "llama2"


def _model(shape: Shape, notes: list[Phrase]) -> list[str]:
    if shape.biased and not shape.learned_positions:
        notes.append(_cannot("biases"))
    kept = {key: name for key, name in MODEL.items() if name != "head_norm"}
    norm = ["use_qk_norm=true"] if shape.qk_norm and not shape.latent else []
    keys = [f"base_num_kv_heads={shape.kv_heads or shape.heads}"] if shape.heads else []
    return [f"decoder_block={_block(shape)}", *set_to(kept, shape), *keys, *norm]


def _feed_forward(shape: Shape, notes: list[Phrase]) -> list[str]:
    """Widths; with experts in every layer both widths must be the same. The default is a gated part of SiLU."""
    plain = [] if shape.gated else [quoted('mlp_activations=["gelu"]')]
    if not shape.experts:
        return [f"base_mlp_dim={shape.dense_width}", *plain]
    found = [*plain, *set_to(EXPERTS, shape)]
    if shape.latent:
        found += [
            f"base_mlp_dim={shape.dense_width or shape.expert_width}",
            f"first_num_dense_layers={max(shape.leading_dense, 0)}",
            f"shared_experts={shape.shared_width // shape.expert_width}",
        ]
        return found
    if sum(shape.expert_layers) < shape.layers:
        notes.append(_cannot("dense_layers"))
    if shape.shared_width:
        notes.append(_cannot("shared_expert"))
    return [f"base_mlp_dim={shape.expert_width}", *found]


def _latent(shape: Shape) -> list[str]:
    if not shape.latent:
        return []
    indexer = ["use_indexer=true", *set_to(INDEXER, shape)] if shape.index_heads else []
    return ["attention_type=mla", *set_to(LATENT, shape), *indexer]


def _precision(job: Job, notes: list[Phrase]) -> list[str]:
    if job.scheme == "bf16":
        return []
    known = next((table for start, table in PRECISION.items() if job.chip_id.startswith(start)), {}) | (BLOCK_SCALED if job.block_scaled else {})
    if job.scheme not in known:
        notes.append(Phrase("launch.no_precision", {"target": NAME, "scheme": job.scheme}))
    return known.get(job.scheme, [])


def _hardware(shape: Shape, job: Job) -> list[str]:
    """TPUs choose their attention kernel themselves; GPUs take cuDNN's through Transformer Engine."""
    if not job.fused:
        kernel = ["attention=dot_product"]
    else:
        kernel = [] if job.chip_id.startswith("google-") else ["attention=cudnn_flash_te"]
    return [f"hardware={'tpu' if job.chip_id.startswith('google-') else 'gpu'}", *kernel]


def _cannot(feature: str) -> Phrase:
    return Phrase("launch.cannot", {"target": NAME, "features": (f"@launch.feature.{feature}",)})


TARGET = Target(
    name=NAME, chips=("google-", "nvidia-", "amd-"), schemes=("bf16", "fp8", "int8", "fp4"), write=command,
    expresses=frozenset({"sparse_attention"}), experts_need_sequence_parallel=False,
)  # fmt: skip
