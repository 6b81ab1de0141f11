"""Megatron-LM: ``pretrain_gpt.py`` under ``torchrun``. Flags read in megatron/training/arguments.py and the TransformerConfig it is made from."""

from __future__ import annotations

from suanli.reporting.launch.command import Target, pattern, quoted, said, typed
from suanli.reporting.launch.job import Job, pipeline_layout, recomputed_layers
from suanli.reporting.launch.shape import Shape
from suanli.words import Phrase

NAME = "Megatron-LM"

NODES = {"--nnodes": "nodes", "--nproc-per-node": "node_chips"}
PARALLEL = {
    "--tensor-model-parallel-size": "tp",
    "--pipeline-model-parallel-size": "pp",
    "--context-parallel-size": "cp",
    "--sequence-parallel": "sequence_parallel",
}
BATCH = {"--micro-batch-size": "micro_batch", "--global-batch-size": "global_batch", "--seq-length": "length"}
MODEL = {
    "--num-layers": "layers",
    "--hidden-size": "hidden",
    "--ffn-hidden-size": "dense_width",
    "--num-attention-heads": "heads",
    "--group-query-attention": "grouped",
    "--num-query-groups": "groups",
    "--kv-channels": "head_dim",
    "--swiglu": "gated",
    "--untie-embeddings-and-output-weights": "untied",
    "--disable-bias-linear": "unbiased",
    "--add-qkv-bias": "extra_bias",
    "--qk-layernorm": "qk_norm",
}
LATENT = {
    "--multi-latent-attention": "latent",
    "--q-lora-rank": "query_rank",
    "--kv-lora-rank": "kv_rank",
    "--qk-head-dim": "nope_dim",
    "--qk-pos-emb-head-dim": "rope_dim",
    "--v-head-dim": "value_dim",
}
EXPERTS = {
    "--num-experts": "experts",
    "--moe-router-topk": "active",
    "--moe-ffn-hidden-size": "expert_width",
    "--moe-shared-expert-intermediate-size": "shared_width",
}
#: what only this target has a flag for
OWN = {"--attention-output-gate": "output_gate", "--moe-shared-expert-gate": "shared_gate", "--moe-latent-size": "expert_latent"}
INDEXER = {"--dsa-indexer-n-heads": "index_heads", "--dsa-indexer-head-dim": "index_dim", "--dsa-indexer-topk": "index_topk"}
LINEAR = {
    "--linear-conv-kernel-dim": "convolution",
    "--linear-key-head-dim": "key_dim",
    "--linear-value-head-dim": "value_dim",
    "--linear-num-key-heads": "key_heads",
    "--linear-num-value-heads": "value_heads",
}
SHARDING = {
    "none": ["--overlap-grad-reduce"],
    "optimizer": ["--use-distributed-optimizer", "--overlap-grad-reduce", "--overlap-param-gather"],
    "gradients": [
        "--use-megatron-fsdp", "--data-parallel-sharding-strategy optim_grads", "--use-distributed-optimizer",
        "--overlap-grad-reduce", "--overlap-param-gather", "--ckpt-format fsdp_dtensor",
    ],
    "parameters": [
        "--use-megatron-fsdp", "--data-parallel-sharding-strategy optim_grads_params", "--use-distributed-optimizer",
        "--overlap-grad-reduce", "--overlap-param-gather", "--ckpt-format fsdp_dtensor",
    ],
}  # fmt: skip
#: scheme -> flags beside --bf16, on chips that scale in blocks and on others
PRECISION = {
    True: {"fp8": ["--fp8-format e4m3", "--fp8-recipe mxfp8"], "fp4": ["--fp4-format e2m1", "--fp4-recipe nvfp4"]},
    False: {"fp8": ["--fp8-format hybrid", "--fp8-recipe tensorwise"], "fp4": ["--fp4-format e2m1", "--fp4-recipe nvfp4"]},
}
DATA = ["--mock-data", "--tokenizer-type NullTokenizer"]


def command(shape: Shape, job: Job) -> tuple[str, list[Phrase]]:
    """The command and what it leaves out."""
    notes: list[Phrase] = []
    if job.method == "lora":
        notes.append(Phrase("launch.no_lora", {"target": NAME}))
    notes += job.too_old(NAME)
    groups = [
        ["pretrain_gpt.py"],
        [*said(PARALLEL, job), *_experts_parallel(shape, job), *(["--cp-comm-type p2p"] if job.cp > 1 else []), *stages(shape.layers, job)],
        [*said(BATCH, job), '--train-iters "$TRAIN_ITERS"', '--lr "$LEARNING_RATE"'],
        [*said(MODEL, shape), *surroundings(shape, job)],
        said(LATENT, shape) + said(OWN, shape) + _attention_variant(shape),
        experts(shape),
        [*SHARDING[job.sharding], *recompute(shape.layers, job)],
        ["--bf16", *PRECISION[job.block_scaled].get(job.scheme, []), f"--attention-backend {'auto' if job.fused else 'unfused'}"],
        [*DATA, f"--vocab-size {shape.vocabulary}"],
    ]
    return typed(head(job, serial_launch(job)), groups), notes


def head(job: Job, environment: str = "") -> str:
    """``torchrun`` on every node; rank and address come from the scheduler."""
    place = ['--node-rank "$NODE_RANK"', '--master-addr "$MASTER_ADDR"', '--master-port "$MASTER_PORT"'] if job.nodes > 1 else []
    return " ".join([*([environment] if environment else []), "torchrun", *said(NODES, job), *place])


def serial_launch(job: Job) -> str:
    """One queue of work a chip, which chips before Blackwell need to overlap tensor and context parallelism; FSDP forbids it."""
    needed = (job.tp > 1 or job.cp > 1) and not job.block_scaled and not job.fully_sharded
    return "CUDA_DEVICE_MAX_CONNECTIONS=1" if needed else ""


def stages(layers: int, job: Job) -> list[str]:
    """Pieces of the pipeline: by number of layers where they divide, else as a layout."""
    if layers % job.chunks:
        return [f"--pipeline-model-parallel-layout {quoted(pipeline_layout(layers, job.chunks))}"]
    return [f"--num-layers-per-virtual-pipeline-stage {layers // job.chunks}"] if job.vpp > 1 else []


def surroundings(shape: Shape, job: Job) -> list[str]:
    """Norm and positions, which the catalogue does not hold: those that go with a gated or a plain feed-forward part."""
    positions = "learned_absolute" if shape.learned_positions else "rope"
    return [
        f"--normalization {'RMSNorm' if shape.modern else 'LayerNorm'}", f"--position-embedding-type {positions}",
        f"--max-position-embeddings {max(job.length, shape.learned_positions)}",
    ]  # fmt: skip


def experts(shape: Shape) -> list[str]:
    """The mixture of experts, and which layers have it."""
    if not shape.experts:
        return []
    mixed = sum(shape.expert_layers)
    layers = [] if mixed == shape.layers else [f"--moe-layer-freq {quoted(expert_pattern(shape))}"]
    return [*said(EXPERTS, shape), *layers, "--moe-grouped-gemm", "--moe-token-dispatcher-type alltoall"]


def expert_pattern(shape: Shape) -> str:
    """Dense layers first, then experts (1); spread evenly where the catalogue has them in another order."""
    dense = shape.leading_dense
    mixed = sum(shape.expert_layers)
    return f"([0]*{dense}+[1]*{mixed})" if dense > 0 else pattern(mixed, shape.layers - mixed)


def recompute(layers: int, job: Job) -> list[str]:
    """Which layers are computed again: all in units of one layer, or the first so many of each piece."""
    if job.recompute == "selective":
        return ["--recompute-granularity selective"]
    if job.recompute == "none":
        return []
    if job.recomputed >= 1:
        return ["--recompute-granularity full", "--recompute-method uniform", "--recompute-num-layers 1"]
    return ["--recompute-granularity full", "--recompute-method block", f"--recompute-num-layers {recomputed_layers(layers, job)}"]


def _experts_parallel(shape: Shape, job: Job) -> list[str]:
    return [f"--expert-model-parallel-size {job.ep}", "--expert-tensor-parallel-size 1"] if shape.experts else []


def _attention_variant(shape: Shape) -> list[str]:
    """Windows, the indexer of sparse attention, and gated delta nets."""
    found = []
    if shape.window:
        full = shape.layers - shape.linear_layers - shape.windowed
        found += [f"--window-size {shape.window},0"] + ([f"--window-attn-skip-freq {quoted(pattern(shape.windowed, full))}"] if full else [])
    if shape.index_heads and shape.latent:
        found += ["--experimental-attention-variant dsa", *said(INDEXER, shape)]
    if "linear" in shape.features:
        layers = pattern(shape.linear_layers, shape.layers - shape.linear_layers)
        found += ["--experimental-attention-variant gdn", f"--linear-attention-freq {quoted(layers)}", *said(LINEAR, shape.linear)]
    return found


TARGET = Target(
    name=NAME, chips=("nvidia-", "amd-"), schemes=("bf16", "fp8", "fp4"), write=command,
    expresses=frozenset({"linear", "sparse_attention", "window", "mixed_windows", "output_gate", "shared_gate", "expert_latent"}),
)  # fmt: skip
