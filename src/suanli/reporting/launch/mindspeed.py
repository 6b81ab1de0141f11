"""MindSpeed-LLM on Ascend: Megatron's flags (of core 0.12.1), without those it lacks, and its own.

Flags read in the parsers of MindSpeed, MindSpeed-LLM and Megatron core 0.12.1; the usual companions in its example scripts.
"""

from __future__ import annotations

from suanli.reporting.launch import megatron
from suanli.reporting.launch.command import Target, said, typed
from suanli.reporting.launch.job import Job, pieces
from suanli.reporting.launch.shape import Shape
from suanli.words import Phrase

NAME = "MindSpeed-LLM"
FLASH = ["--use-flash-attn", "--no-masked-softmax-fusion"]
ROTARY = ["--use-fused-rotary-pos-emb", "--use-rotary-position-embeddings"]
TUNE = ["--finetune", "--stage sft", "--is-instruction-dataset"]
ADAPTED = "--lora-target-modules linear_qkv linear_proj linear_fc1 linear_fc2"
SHARDING = {
    "none": ["--overlap-grad-reduce"],
    "optimizer": ["--use-distributed-optimizer", "--overlap-grad-reduce", "--overlap-param-gather"],
}
FP8 = ["--fp8-format e4m3", "--fp8-recipe mxfp8"]
DATA = ['--data-path "$DATA_PATH"', "--tokenizer-type PretrainedFromHF", '--tokenizer-name-or-path "$TOKENIZER_PATH"']


def command(shape: Shape, job: Job) -> tuple[str, list[Phrase]]:
    """The command and what it leaves out."""
    notes = job.too_old(NAME)
    if job.fully_sharded:
        notes.append(Phrase("launch.no_gradient_sharding", {"target": NAME, "instead": "ZeRO-1"}))
    adapters = job.method == "lora"
    split, layers = _pipeline(shape.layers, job)
    groups = [
        ["posttrain_gpt.py" if adapters else "pretrain_gpt.py"],
        [*TUNE, f"--lora-r {job.rank}", f"--lora-alpha {2 * job.rank}", "--lora-fusion", ADAPTED, '--load "$PRETRAINED"'] if adapters else [],
        [*said(megatron.PARALLEL, job), *_experts_parallel(shape, job), *_context(job), *split],
        [*said(megatron.BATCH, job), '--train-iters "$TRAIN_ITERS"', '--lr "$LEARNING_RATE"'],
        ["--use-mcore-models", *_spec(shape), f"--num-layers {layers}", *_model(shape), *megatron.surroundings(shape, job)],
        said(megatron.LATENT, shape),
        _experts(shape, notes),
        [*_sharding(job, adapters), *megatron.recompute(layers, job)],
        ["--bf16", *_precision(job), *_kernels(shape, job), "--distributed-backend nccl"],
        [*DATA, f"--vocab-size {shape.vocabulary}"],
    ]
    return typed(megatron.head(job, "CUDA_DEVICE_MAX_CONNECTIONS=1"), groups), notes


def _experts_parallel(shape: Shape, job: Job) -> list[str]:
    return [f"--expert-model-parallel-size {job.ep}", "--expert-tensor-parallel-size 1"] if shape.experts else []


def _context(job: Job) -> list[str]:
    """Ring attention, sending while it computes."""
    return ["--context-parallel-algo megatron_cp_algo", "--use-cp-send-recv-overlap"] if job.cp > 1 else []


def _pipeline(layers: int, job: Job) -> tuple[list[str], int]:
    """Flags of the pieces and the number of layers to state: uneven stages by a list, uneven pieces of stages filled up with empty layers."""
    if layers % job.chunks == 0:
        return ([f"--num-layers-per-virtual-pipeline-stage {layers // job.chunks}"] if job.vpp > 1 else []), layers
    if job.vpp == 1:
        return [f"--num-layer-list {','.join(map(str, pieces(layers, job.pp)))}"], layers
    filled = -(-layers // job.chunks) * job.chunks
    empty = ",".join(map(str, range(layers, filled)))
    return [f"--num-layers-per-virtual-pipeline-stage {filled // job.chunks}", f"--noop-layers {empty}"], filled


def _kernels(shape: Shape, job: Job) -> list[str]:
    """Fused kernels of the parts the model has."""
    rotary = [] if shape.learned_positions else ROTARY
    gated = (["--use-fused-swiglu"] if shape.gated else []) + (["--use-fused-rmsnorm"] if shape.modern else [])
    return [*(FLASH if job.fused else []), *rotary, *gated]


def _spec(shape: Shape) -> list[str]:
    """The layer specification of a family where the plain one lacks a norm."""
    family = "deepseek_spec" if shape.latent else "qwen3_spec" if shape.qk_norm else ""
    return [f"--spec mindspeed_llm.tasks.models.spec.{family} layer_spec"] if family else []


def _model(shape: Shape) -> list[str]:
    return said({flag: name for flag, name in megatron.MODEL.items() if flag != "--num-layers"}, shape)


def _experts(shape: Shape, notes: list[Phrase]) -> list[str]:
    """The mixture; dense layers only before it."""
    if not shape.experts:
        return []
    if shape.leading_dense < 0:
        notes.append(Phrase("launch.cannot", {"target": NAME, "features": ("@launch.feature.dense_layers",)}))
    first = [f"--first-k-dense-replace {shape.leading_dense}", "--moe-layer-freq 1"] if shape.leading_dense > 0 else []
    gate = ["--shared-expert-gate"] if shape.shared_gate else []
    dispatch = ["--moe-grouped-gemm", "--moe-token-dispatcher-type alltoall", "--moe-permutation-async-comm"]
    return [*said(megatron.EXPERTS, shape), *gate, *first, *dispatch]


def _sharding(job: Job, adapters: bool) -> list[str]:
    """The optimizer's state is the most it shares; fused adapters do not go with overlapped gathers."""
    flags = SHARDING["none" if job.sharding == "none" else "optimizer"]
    return [flag for flag in flags if not (adapters and flag.startswith("--overlap"))]


def _precision(job: Job) -> list[str]:
    return ["--transformer-impl transformer_engine", *FP8] if job.scheme == "fp8" else ["--transformer-impl local"]


TARGET = Target(name=NAME, chips=("huawei-ascend-", "huawei-atlas-"), schemes=("bf16", "fp8"), write=command, expresses=frozenset({"shared_gate"}))
