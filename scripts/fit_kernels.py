"""Fit the constants of single kernels to measured ones and write ``data/calibration/kernels.toml``.

    python scripts/fit_kernels.py TRUTH_FOLDER

First stage of calibration: each kind of kernel has one formula (``suanli.formulas.kernels``) with a handful of physical constants. They are fitted
from the general to the particular: over all chips (each family weighing the same), then each family, then each chip, by least squares (soft-L1) on
log(predicted / measured). Chips of one class only (GPUs) were measured: a class's constants are those of all.

A child's constant is drawn to its parent's: the cost of moving it by a factor e is that of ``SHRINK`` rows that are ``ROBUST`` off (a pull of
``ROBUST * sqrt(SHRINK) * log(child / parent)`` beside the residuals), so a chip with few rows stays with its family. ``left_out`` errors are
of constants fitted without the chip: its family's where that has other chips, else all chips'.

Rows that do not measure the kernel are left out: weights or caches that stay in the second-level cache between runs (see ``cold``), kernels
timed with the host's launch in them, and mislabelled ones (see the kinds below and ``kernels/README.md``).
Deterministic: samples are drawn with a fixed seed.
"""

from __future__ import annotations

import datetime
import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
from numpy.typing import NDArray
from scipy.optimize import least_squares

from suanli.facts import Catalogue
from suanli.facts.catalogue import DATA
from suanli.formulas import kernels
from suanli.formulas.attention import mean_causal_context, visible_context
from suanli.hardware import PRECISIONS, load_chips, load_systems, platforms_of, usual_system
from suanli.performance.kernels import KernelFile
from suanli.performance.precision import FALLBACK

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Rows = dict[str, NDArray]  # type: ignore[type-arg]

#: the tables' names of chips and ours
CHIPS = {
    "a100_sxm": "nvidia-a100-sxm4-80gb",
    "h100_sxm": "nvidia-h100-sxm5-80gb",
    "h200_sxm": "nvidia-h200-sxm-141gb",
    "b200_sxm": "nvidia-b200-sxm-180gb",
    "b300_sxm": "nvidia-b300-sxm-288gb",
    "gb200": "nvidia-gb200-gpu",
    "gb300": "nvidia-gb300-gpu",
    "l40s": "nvidia-l40s",
    "rtx_pro_6000_server": "nvidia-rtx-pro-6000-blackwell-server",
    "b60": "intel-arc-pro-b60",
    "a100": "nvidia-a100-sxm4-80gb",
    "h100": "nvidia-h100-sxm5-80gb",
    "a40": "nvidia-a40",
}
TABLES = ("aic_gemm", "aic_attention_context", "aic_attention_generation", "aic_mla", "aic_moe", "aic_comm", "vidur_mlp", "vidur_network")

SEED, SAMPLE = 0, 500  # rows per chip and kind
SHRINK, ROBUST = 20, 0.15
QUANTILES = (0.1, 0.5, 0.9)
MEASURED_CLASS = "gpu"
ACTIVATION = 2  # bytes
#: twice the largest second-level cache (126 MB is Blackwell's; most have 50): more bytes than this come from memory in each run
RESIDENT = 128e6
#: seconds of traffic that do not count beside the launch of a product, of a decoding step's attention, of a mixture's half dozen kernels
FLOOR_GEMM, FLOOR_DECODE, FLOOR_EXPERTS = 5e-7, 2e-6, 4e-6

#: constant -> (start, lower, upper); starts and bounds are physical judgement
CONSTANTS = {
    "compute": (0.5, 0.005, 1),
    "memory": (0.7, 0.05, 1),
    "link": (0.6, 0.01, 1),
    "launch": (5e-6, 2e-7, 1e-3),
    "quantise": (2, 0.01, 50),
    "routing": (2, 0.01, 100),
    "half_length": (128, 1, 8192),
    "softmax": (32, 0.1, 1024),
    "head_time": (1e-8, 1e-12, 1e-6),
    "step": (1e-6, 1e-8, 1e-4),
    "ramp": (1e-6, 1e-9, 1e-3),
}


class Chips:
    """The measured chips in their usual systems, by row of ``platforms``."""

    def __init__(self, catalogue: Catalogue) -> None:
        chips, systems = load_chips(catalogue), load_systems(catalogue)
        self.ids = list(dict.fromkeys(CHIPS.values()))
        self.platforms = platforms_of([chips[name] for name in self.ids], [usual_system(chips[name], systems.values()) for name in self.ids], catalogue)
        self.family = np.array(self.platforms.family)

    def peak(self, precision: str) -> Floats:
        """Dense flop/s at a precision, at the next wider one where the chip has no units for it."""
        rate = self.platforms.peak[:, PRECISIONS.index(precision)]
        for wider in FALLBACK.get(precision, ()):
            rate = np.where(np.isnan(rate), self.platforms.peak[:, PRECISIONS.index(wider)], rate)
        return rate


@dataclass(frozen=True)
class Kind:
    """One kind: rows (``chip`` index, ``measured`` seconds, sizes), the formula on them, and the constants it has."""

    name: str
    formula: str
    rows: Rows
    time: Callable[[Rows, Mapping[str, Floats]], Floats]
    constants: tuple[str, ...]
    fixed: Mapping[str, float]
    #: chips whose rows say nothing of others of their family
    apart: Mask


def kind(
    name: str, formula: Callable[..., Floats], rows: Rows, time: Callable[[Rows, Mapping[str, Floats]], Floats], constants: Iterable[str],
    fixed: Mapping[str, float] | None = None, apart: Mask | None = None,
) -> Kind:  # fmt: skip
    """A ``Kind`` of at most ``SAMPLE`` rows a chip."""
    rng = np.random.default_rng(SEED)
    chosen = []
    for chip in np.unique(rows["chip"]):
        own = np.flatnonzero(rows["chip"] == chip)
        chosen.append(own if len(own) <= SAMPLE else np.sort(rng.choice(own, SAMPLE, replace=False)))
    taken = take(rows, np.concatenate(chosen))
    return Kind(name, formula.__name__, taken, time, tuple(constants), fixed or {}, apart if apart is not None else np.zeros(len(CHIPS), bool))


def take(rows: Rows, chosen: NDArray) -> Rows:  # type: ignore[type-arg]
    return {name: column[chosen] for name, column in rows.items()}


def read(folder: Path, table: str) -> Rows:
    """A table's columns, with ``chip`` as an index of ``Chips`` and ``measured`` in seconds."""
    file = parquet.read_table(folder / "kernels" / f"{table}.parquet")
    rows = {name: file[name].to_numpy(zero_copy_only=False) for name in file.column_names}
    for name, column in rows.items():
        rows[name] = column.astype(float) if column.dtype.kind in "if" else column.astype(str) if column.dtype == object else column
    ids = list(dict.fromkeys(CHIPS.values()))
    if "topology" in rows:
        rows["chip"] = np.array([name.split("_")[0] for name in rows["topology"]])
    rows["called"], rows["chip"] = rows["chip"], np.array([ids.index(CHIPS[name]) for name in rows["chip"]])
    rows["measured"] = rows["latency_ms" if "latency_ms" in rows else "median_ms"] / 1e3
    return rows


def fastest(rows: Rows, *shape: str) -> Rows:
    """The rows of the fastest kernel at each chip and ``shape``: engines choose among kernels, and what they choose from gets better."""
    _, place = np.unique(np.stack([np.unique(rows[name], return_inverse=True)[1] for name in ("chip", *shape)]), axis=1, return_inverse=True)
    best = np.full(place.max() + 1, np.inf)
    np.minimum.at(best, place.ravel(), rows["measured"])
    return take(rows, rows["measured"] <= best[place.ravel()])


def cold(reused: Floats, flop: Floats, rate: Floats, bandwidth: Floats, floor: float) -> Mask:
    """Rows that a warm second-level cache does not flatter: too many bytes to stay there, or too few (in seconds) to count beside arithmetic or a launch."""
    seconds = reused / bandwidth
    return (reused >= RESIDENT) | (seconds < flop / rate / 4) | (seconds < floor)


# --- the kinds -------------------------------------------------------------------------------------------------------------------

#: measured dtype -> (our name, precision of the arithmetic, bytes per weight with its scales, whether activations are narrowed)
PRODUCTS = {
    "bfloat16": ("bf16", "bf16", 2, False),
    "fp8": ("fp8", "fp8", 1, True),
    "fp8_block": ("fp8_block", "fp8", 1, True),
    "nvfp4": ("nvfp4", "fp4", 0.5625, True),
    "sq": ("int8", "int8", 1, True),
    "int8_wo": ("int8_wo", "bf16", 1, False),
    "int4_wo": ("int4_wo", "bf16", 0.53125, False),
    "w4a16_mxfp4": ("mxfp4_wo", "bf16", 0.53125, False),
    "w4a8_mxfp4_mxfp8": ("mxfp4_fp8", "fp8", 0.53125, True),
}


def gemms(folder: Path, chips: Chips) -> list[Kind]:
    """vLLM's block-scaled products are timed with the host's launch (57 to 180 us whatever the size): left out."""
    rows, older = read(folder, "aic_gemm"), read(folder, "vidur_mlp")
    rows = fastest(take(rows, ~((rows["gemm_dtype"] == "fp8_block") & (rows["backend"] == "vllm"))), "gemm_dtype", "m", "n", "k")
    older = take(older, older["gemm_k"] > 0)
    older = {"gemm_dtype": np.full(len(older["chip"]), "bfloat16"), "m": older["num_tokens"], "n": older["gemm_n"], "k": older["gemm_k"]} | {
        name: older[name] for name in ("chip", "measured")
    }
    rows = {name: np.concatenate([rows[name], older[name]]) for name in older}
    found = []
    for dtype, (name, precision, width, narrowed) in PRODUCTS.items():
        own = take(rows, rows["gemm_dtype"] == dtype)
        if not len(own["chip"]):
            continue
        own |= {"width": np.full(len(own["chip"]), width), "peak": chips.peak(precision)[own["chip"]], "bandwidth": chips.platforms.bandwidth[own["chip"]]}
        own = take(own, cold(own["n"] * own["k"] * width, 2 * own["m"] * own["n"] * own["k"], own["peak"], own["bandwidth"], FLOOR_GEMM))

        def time(x: Rows, c: Mapping[str, Floats]) -> Floats:
            rates = (x["peak"] * c["compute"], x["bandwidth"] * c["memory"])
            return kernels.joined(kernels.gemm(x["m"], x["k"], x["n"], x["width"], ACTIVATION, *rates, c["quantise"], c["launch"]))

        constants = ("compute", "memory", "launch", *(["quantise"] if narrowed else []))
        found.append(kind(f"gemm.{name}", kernels.gemm, own, time, constants, {} if narrowed else {"quantise": 0.0}))
    return found


EXPERT_SHAPE = ("num_tokens", "hidden_size", "inter_size", "topk", "num_experts", "moe_tp_size", "moe_ep_size")


def experts(rows: Rows, chips: Chips) -> list[Kind]:
    """The routed part with even routing. Left out: FlashInfer's CUTLASS kernels on Hopper in 16 and plain 8 bit (12 to 19 % of the bandwidth: not tuned)."""
    untuned = np.isin(rows["called"], ["h100_sxm", "h200_sxm"]) & (np.char.find(rows["kernel_source"], "flashinfer_cutlass") >= 0)
    rows = take(rows, ~(untuned & np.isin(rows["moe_dtype"], ["bfloat16", "fp8"])))
    rows = fastest(take(rows, rows["distribution"] == "balanced"), "moe_dtype", *EXPERT_SHAPE)
    found = []
    for dtype, (name, precision, width, _) in PRODUCTS.items():
        own = take(rows, rows["moe_dtype"] == dtype)
        if not len(own["chip"]):
            continue
        gated = np.char.find(own["kernel_source"], "nongated") < 0
        own |= {"matrices": np.where(gated, 3.0, 2.0), "width": own["inter_size"] / own["moe_tp_size"], "bytes": np.full(len(gated), width)}
        own |= {"peak": chips.peak(precision)[own["chip"]], "bandwidth": chips.platforms.bandwidth[own["chip"]]}
        size = own["matrices"] * own["hidden_size"] * own["width"] / own["moe_ep_size"]
        hit = kernels.experts_hit(own["num_tokens"], own["num_experts"], own["topk"])
        own = take(own, cold(hit * size * width, 2 * own["num_tokens"] * own["topk"] * size, own["peak"], own["bandwidth"], FLOOR_EXPERTS))

        def time(x: Rows, c: Mapping[str, Floats]) -> Floats:
            shape = (x["num_tokens"], x["hidden_size"], x["width"], x["matrices"], x["num_experts"], x["topk"], x["moe_ep_size"])
            rates = (x["peak"] * c["compute"], x["bandwidth"] * c["memory"])
            return kernels.joined(kernels.routed_experts(*shape, x["bytes"], ACTIVATION, *rates, c["routing"], c["launch"]))

        found.append(kind(f"experts.{name}", kernels.routed_experts, own, time, ("compute", "memory", "launch", "routing")))
    return found


def _prefill(x: Rows, c: Mapping[str, Floats]) -> Floats:
    rates = (x["peak"] * c["compute"], x["bandwidth"] * c["memory"])
    shape = (x["queries"], x["heads"], x["score_dim"], x["value_dim"], x["visible"], x["bytes"])
    return kernels.joined(kernels.prefill_attention(*shape, *rates, c["half_length"], c["softmax"], c["launch"]))


def _decode(x: Rows, c: Mapping[str, Floats]) -> Floats:
    rates = (x["peak"] * c["compute"], x["bandwidth"] * c["memory"])
    shape = (x["sequences"], x["heads"], x["cached_heads"], x["score_dim"], x["value_dim"], x["visible"], x["bytes"])
    return kernels.joined(kernels.decode_attention(*shape, *rates, c["head_time"], c["launch"]))


PREFILL, DECODE = ("compute", "half_length", "softmax", "memory", "launch"), ("compute", "memory", "head_time", "launch")
CACHES = {"bf16": ("bfloat16", "bf16", 2), "fp8": ("fp8", "fp8", 1)}


def plain(rows: Rows) -> Mask:
    """Attention rows of usual heads on native kernels."""
    return np.isin(rows["head_dim"], [64, 128, 256]) & (np.char.find(rows["kernel_source"], "triton") < 0)


def attention(folder: Path, chips: Chips) -> list[Kind]:
    """Left out: flagged rows; heads of 192 (their values have 128 in part of the rows) and 512; Triton's fall-back kernels, which are up to six times
    slower than the native ones; the A100's TensorRT-LLM decode (its cache is not what it says)."""
    found = []
    rows = read(folder, "aic_attention_context")
    rows = take(rows, ~rows["beats_peak"].astype(bool) & plain(rows))
    for name, (dtype, precision, _) in CACHES.items():
        own = take(rows, rows["attn_dtype"] == dtype)
        length, heads, dim = own["isl"], own["num_heads"], own["head_dim"]
        cache = np.where(own["kv_cache_dtype"] == "fp8", 1, 2)
        queries = own["batch_size"] * length
        own |= {"queries": queries, "heads": heads, "score_dim": dim, "value_dim": dim, "visible": mean_causal_context(length, 0.0, own["window_size"], 0, 1)}
        own |= {"bytes": queries * dim * 2 * (heads * ACTIVATION + own["num_key_value_heads"] * cache)}
        own |= {"peak": chips.peak(precision)[own["chip"]], "bandwidth": chips.platforms.bandwidth[own["chip"]]}
        found.append(kind(f"attention_prefill.{name}", kernels.prefill_attention, own, _prefill, PREFILL))
    rows = read(folder, "aic_attention_generation")
    mislabelled = (rows["called"] == "a100_sxm") & (rows["backend"] == "trtllm")
    rows = take(rows, ~rows["beats_hbm"].astype(bool) & plain(rows) & ~mislabelled)
    for name, (dtype, precision, width) in CACHES.items():
        own = take(rows, rows["kv_cache_dtype"] == dtype)
        batch, heads, dim = own["batch_size"], own["num_heads"], own["head_dim"]
        visible = visible_context(own["isl"] + own["past_kv"], own["window_size"], 0, 1)
        own |= {"sequences": batch, "heads": heads, "cached_heads": own["num_key_value_heads"], "score_dim": dim, "value_dim": dim, "visible": visible}
        cache = batch * own["num_key_value_heads"] * 2 * dim * visible * width
        own |= {"bytes": cache + batch * heads * 2 * dim * ACTIVATION, "peak": chips.peak(precision)[own["chip"]]}
        own |= {"bandwidth": chips.platforms.bandwidth[own["chip"]]}
        own = take(own, cold(cache, np.zeros(len(batch)), own["peak"], own["bandwidth"], FLOOR_DECODE))
        found.append(kind(f"attention_decode.{name}", kernels.decode_attention, own, _decode, DECODE))
    return found


#: multi-head latent attention of DeepSeek-V3: head dimensions of prefill, and of decode on the compressed cache
LATENT_PREFILL, LATENT_DECODE = (192, 128), (576, 512)


def latent(folder: Path, chips: Chips) -> list[Kind]:
    """Left out: vLLM's rows (100 to 300 us of host time in them), SGLang's kernels other than trtllm_mla where they compute prefill on the compressed
    cache or decode an 8-bit cache at 6 % of the bandwidth, and 8-bit caches of chips that serve them as 16 bit."""
    rows = read(folder, "aic_mla")
    context, eight = rows["phase"] == "context", rows["kv_cache_dtype"] == "fp8"
    odd = np.isin(rows["kernel_source"], ["flash_attention", "triton"]) & (context | eight | (rows["kernel_source"] == "triton"))
    rows = take(rows, (rows["backend"] != "vllm") & ~odd & ~(eight & np.isin(rows["called"], ["a100_sxm", "l40s", "rtx_pro_6000_server"])))
    found = []
    for name, (dtype, precision, width) in CACHES.items():
        for phase in ("context", "generation"):
            own = take(rows, (rows["kv_cache_dtype"] == dtype) & (rows["phase"] == phase))
            batch, length, heads = own["batch_size"], own["isl"] + own["past_kv"], own["num_heads"]
            own |= {"heads": heads, "peak": chips.peak(precision)[own["chip"]], "bandwidth": chips.platforms.bandwidth[own["chip"]]}
            score, value = LATENT_PREFILL if phase == "context" else LATENT_DECODE
            own |= {"score_dim": np.full(len(batch), score), "value_dim": np.full(len(batch), value)}
            if phase == "context":
                queries = batch * length
                own |= {"queries": queries, "visible": mean_causal_context(length, 0.0, 0, 0, 1), "bytes": queries * heads * 2 * (score + value) * ACTIVATION}
                found.append(kind(f"latent_prefill.{name}", kernels.prefill_attention, own, _prefill, PREFILL[:2] + PREFILL[3:], {"softmax": 0.0}))
            else:
                cache = batch * length * score * width
                own |= {"sequences": batch, "cached_heads": np.ones(len(batch)), "visible": length}
                own |= {"bytes": cache + batch * heads * (score + value) * ACTIVATION}
                own = take(own, cold(cache, 2 * batch * heads * (score + value) * length, own["peak"], own["bandwidth"], FLOOR_DECODE))
                found.append(kind(f"latent_decode.{name}", kernels.decode_attention, own, _decode, DECODE))
    return found


COLLECTIVES = {
    "all_reduce.custom": ("all_reduce", ("SGLang_CustomAllReduce_graph", "vLLM_custom_graph", "TRTLLM"), 2),
    "all_reduce.nccl": ("all_reduce", ("NCCL", "oneCCL"), 2),
    "all_gather.nccl": ("all_gather", ("NCCL", "oneCCL"), 1),
    "reduce_scatter.nccl": ("reduce_scatter", ("NCCL", "oneCCL"), 1),
    "all_to_all.nccl": ("alltoall", ("NCCL",), 1),
}


def collectives(folder: Path, chips: Chips) -> list[Kind]:
    """16-bit rows in graphs. The L40S rows are left out (a host without peer access: 1 of 32 GB/s); other chips on PCIe have only their own constants."""
    rows = read(folder, "aic_comm")
    rows = take(rows, (rows["dtype"] != "int8") & (rows["called"] != "l40s"))
    found = []
    for name, (operation, sources, passes) in COLLECTIVES.items():
        own = take(rows, (rows["op_name"] == operation) & np.isin(rows["kernel_source"], sources))
        own |= {"volume": passes * (1 - 1 / own["num_gpus"]) * own["bytes"], "bandwidth": chips.platforms.link[own["chip"]]}

        def time(x: Rows, c: Mapping[str, Floats]) -> Floats:
            return kernels.collective_time(x["volume"], x["num_gpus"], x["bandwidth"], c["link"], c["step"], c["ramp"], c["launch"])

        on_bus = chips.platforms.link < 1e11
        found.append(kind(name, kernels.collective_time, own, time, ("link", "step", "ramp", "launch"), apart=on_bus))
    return [*found, send(folder, chips)]


def send(folder: Path, chips: Chips) -> Kind:
    """One message between two chips of a server with switched links."""
    rows = read(folder, "vidur_network")
    rows = take(rows, (rows["kind"] == "send_recv") & (rows["devices_per_node"] == 2) & np.isin(rows["topology"], ["a100_dgx", "h100_dgx"]))
    rows |= {"bandwidth": chips.platforms.link[rows["chip"]]}

    def time(x: Rows, c: Mapping[str, Floats]) -> Floats:
        return kernels.collective_time(x["bytes"], x["n_devices"], x["bandwidth"], c["link"], c["step"], c["ramp"], c["launch"])

    return kind("send.nccl", kernels.collective_time, rows, time, ("link", "ramp", "launch"), {"step": 0.0})


def elementwise(folder: Path, chips: Chips) -> list[Kind]:
    """Kernels of 2023's vLLM on 16-bit activations; times are whole microseconds."""
    rows = read(folder, "vidur_mlp")
    tokens, hidden = rows["num_tokens"], rows["n_embd"]
    of_heads = hidden / rows["n_head"] * (rows["n_head"] + rows["n_kv_head"]) / rows["tp"]
    wide = rows["n_expanded_embd"] / rows["tp"] * np.where(rows["use_gated_mlp"].astype(bool), 3, 2)
    elements = {
        "rope": (["attn_rope"], 2 * of_heads),
        "norm": (["input_layernorm", "post_attention_layernorm"], 2 * hidden),
        "activation": (["mlp_act"], wide),
        "add": (["add"], 3 * hidden),
    }
    found = []
    for name, (operations, per_token) in elements.items():
        own = dict(rows) | {"bytes": tokens * per_token * ACTIVATION, "bandwidth": chips.platforms.bandwidth[rows["chip"]]}
        own = take(own, np.isin(rows["op"], operations))
        own = take(own, cold(own["bytes"], np.zeros(len(own["chip"])), np.ones(len(own["chip"])), own["bandwidth"], FLOOR_GEMM))

        def time(x: Rows, c: Mapping[str, Floats]) -> Floats:
            return kernels.kernel_time(0.0, x["bytes"], 1.0, x["bandwidth"] * c["memory"], c["launch"])

        found.append(kind(f"elementwise.{name}", kernels.kernel_time, own, time, ("memory", "launch")))
    return found


# --- the fit ---------------------------------------------------------------------------------------------------------------------


class Fit:
    """Constants of one kind, by what they were fitted on; each is an array in the order of ``kind.constants``, in logs."""

    def __init__(self, of: Kind, chips: Chips) -> None:
        self.kind, self.family = of, chips.family
        self.chip = of.rows["chip"]
        self.start, self.low, self.high = (np.log([CONSTANTS[name][side] for name in of.constants]) for side in (0, 1, 2))

    def predict(self, theta: Floats, rows: Rows) -> Floats:
        return self.kind.time(rows, dict(zip(self.kind.constants, np.exp(theta), strict=True)) | dict(self.kind.fixed))

    def solve(self, mask: Mask, weights: Floats, parent: Floats | None) -> Floats:
        """The constants that fit the rows of ``mask`` best, drawn to ``parent``."""
        rows, measured = take(self.kind.rows, mask), np.log(self.kind.rows["measured"][mask])
        root, centre = np.sqrt(weights[mask]), self.start if parent is None else parent
        pull = ROBUST * np.sqrt(SHRINK if parent is not None else 1e-2)

        def residuals(theta: Floats) -> Floats:
            return np.concatenate([root * (np.log(self.predict(theta, rows)) - measured), pull * (theta - centre)])

        start = np.clip(centre, self.low + 1e-6, self.high - 1e-6)
        return np.asarray(least_squares(residuals, start, bounds=(self.low, self.high), loss="soft_l1", f_scale=ROBUST, max_nfev=60).x)

    def everything(self, mask: Mask) -> Floats:
        """All chips' constants: families weigh the same, and chips within a family."""
        mask = mask & ~self.kind.apart[self.chip]
        weights = np.zeros(len(mask))
        families = np.unique(self.family[self.chip[mask]])
        for family in families:
            members = np.unique(self.chip[mask & (self.family[self.chip] == family)])
            for chip in members:
                own = mask & (self.chip == chip)
                weights[own] = mask.sum() / (len(families) * len(members) * own.sum())
        return self.solve(mask, weights, None)

    def of_family(self, family: str, mask: Mask, parent: Floats) -> Floats:
        """A family's constants; the parent's where no row is left."""
        own = mask & (self.family[self.chip] == family) & ~self.kind.apart[self.chip]
        return self.solve(own, np.ones(len(own)), parent) if own.any() else parent

    def errors(self, theta: Floats, mask: Mask) -> Floats:
        """log(measured / predicted)."""
        return np.log(self.kind.rows["measured"][mask]) - np.log(self.predict(theta, take(self.kind.rows, mask)))


def fitted(fit: Fit, chips: Chips) -> list[str]:
    """The lines of one kind in the file."""
    every = np.ones(len(fit.chip), bool)
    everything = fit.everything(every)
    families = {name: fit.of_family(name, every, everything) for name in sorted(set(chips.family[fit.chip[~fit.kind.apart[fit.chip]]]))}
    own, inside, outside, measured = {}, [], [], []
    for chip in np.unique(fit.chip):
        rows, family = fit.chip == chip, chips.family[chip]
        own[chips.ids[chip]] = fit.solve(rows, np.ones(len(rows)), everything if fit.kind.apart[chip] else families[family])
        without = ~rows
        inside.append(fit.errors(own[chips.ids[chip]], rows))
        errors = f"fit = {median(inside[-1]):.4f}"
        if (without & ~fit.kind.apart[fit.chip]).any():
            blind = fit.everything(without)
            blind = blind if fit.kind.apart[chip] else fit.of_family(family, without, blind)
            outside.append(fit.errors(blind, rows))
            errors += f", left_out = {median(outside[-1]):.4f}"
        measured.append(f'measured."{chips.ids[chip]}" = {{ rows = {rows.sum()}, {errors} }}')
    name = f'kernels."{fit.kind.name}"'
    both = {"fit": np.concatenate(inside)} | ({"left_out": np.concatenate(outside)} if outside else {})
    bands = [f"{title} = {band(errors)}" for title, errors in both.items()]
    print(f"{fit.kind.name:24} {len(fit.chip):5} rows, median error", *(f"{title} {median(each):.3f}" for title, each in both.items()), file=sys.stderr)
    lines = [f"[{name}]", f'formula = "{fit.kind.formula}"', f"rows = {len(fit.chip)}", *bands, *measured, ""]
    tables = {"all": everything, f"classes.{MEASURED_CLASS}": everything}
    tables |= {f"families.{family}": theta for family, theta in families.items()} | {f"chips.{chip}": theta for chip, theta in own.items()}
    for title, theta in tables.items():
        values = dict(zip(fit.kind.constants, np.exp(theta), strict=True)) | dict(fit.kind.fixed)
        lines += [f"[{name}.{title}]", *(f"{constant} = {value:.4g}" for constant, value in values.items()), ""]
    return lines


def median(errors: Floats) -> float:
    """Median of abs(predicted / measured - 1)."""
    return float(np.median(np.abs(np.expm1(-errors))))


def band(errors: Floats) -> str:
    """A ``Band``."""
    quantiles = ", ".join(f"{value:.4f}" for value in np.quantile(errors, QUANTILES))
    return f"{{ quantiles = [{quantiles}], median_error = {median(errors):.4f} }}"


#: chips that share the experts at most, and tokens at least, of a row of the imbalance table
PARTS, TOKENS = (1, 8, 256), (1, 512, 4096)


def imbalance(rows: Rows) -> list[str]:
    """Skewed over even routing of the same shape and kernel, medians by how many chips share the experts and how many tokens there are."""
    shape = ("called", "backend", "kernel_source", "moe_dtype", "num_tokens", "hidden_size", "inter_size", "topk", "num_experts", "moe_tp_size", "moe_ep_size")
    keys = list(zip(*(rows[name].tolist() for name in shape), strict=True))
    even = {key: time for key, time, name in zip(keys, rows["measured"], rows["distribution"], strict=True) if name == "balanced"}
    ratio = np.array([time / even[key] if key in even else np.nan for key, time in zip(keys, rows["measured"], strict=True)])
    lines = []
    for distribution in sorted(set(rows["distribution"]) - {"balanced"}):
        for more, parts in zip((0, *PARTS), PARTS, strict=False):
            for tokens, beyond in zip(TOKENS, (*TOKENS[1:], np.inf), strict=True):
                own = (rows["distribution"] == distribution) & (rows["moe_ep_size"] > more) & (rows["moe_ep_size"] <= parts) & np.isfinite(ratio)
                own &= (rows["num_tokens"] >= tokens) & (rows["num_tokens"] < beyond)
                low, mid, high = np.quantile(ratio[own], QUANTILES)
                lines += ["[[imbalance]]", f'distribution = "{distribution}"', f"parts = {parts}", f"tokens_from = {tokens}"]
                lines += [f"median = {mid:.3f}", f"low = {low:.3f}", f"high = {high:.3f}", f"rows = {own.sum()}", ""]
    return lines


def main(folder: Path) -> None:
    """Fit and write."""
    chips = Chips(Catalogue())
    mixtures = read(folder, "aic_moe")
    kinds = [
        *gemms(folder, chips), *experts(mixtures, chips), *attention(folder, chips), *latent(folder, chips), *collectives(folder, chips),
        *elementwise(folder, chips),
    ]  # fmt: skip
    digest = hashlib.sha256()
    for table in TABLES:
        digest.update((folder / "kernels" / f"{table}.parquet").read_bytes())
    lines = [
        "# Written by scripts/fit_kernels.py; do not edit.",
        f'fitted_on = "{datetime.date.today().isoformat()}"',
        f'data_hash = "sha256:{digest.hexdigest()}"',
        f"rows = {sum(len(each.rows['chip']) for each in kinds)}",
        f'method = "soft-L1 least squares on log time, all -> family -> chip, a constant drawn to its parent with the weight of {SHRINK} rows"',
        "",
    ]
    for each in kinds:
        lines += fitted(Fit(each, chips), chips)
    lines += imbalance(mixtures)
    target = DATA / "calibration" / "kernels.toml"
    target.write_text("\n".join(lines), encoding="utf-8")
    Catalogue().record("calibration", "kernels", KernelFile)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
