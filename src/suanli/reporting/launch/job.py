"""One row of ``TrainingConfigs`` in whole numbers: what every target must be told of a job, whatever its words for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

from suanli.performance.precision import SCHEMES
from suanli.performance.training.configs import METHODS, RECOMPUTES, SHARDINGS, TrainingConfigs
from suanli.performance.training.memory import RANK
from suanli.words import Phrase

#: chips whose tensor cores scale in blocks in hardware (MXFP8, NVFP4), by the beginning of their id
BLOCK_SCALED = ("nvidia-b", "nvidia-gb", "nvidia-rubin")
#: beginning of an id -> scheme -> the generation whose units it needs, and the beginnings of ids that have them
GENERATIONS: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "nvidia-": {
        "fp8": ("Hopper", (*BLOCK_SCALED, "nvidia-h", "nvidia-gh", "nvidia-l", "nvidia-rtx-4", "nvidia-rtx-5", "nvidia-rtx-6000", "nvidia-rtx-pro")),
        "fp4": ("Blackwell", (*BLOCK_SCALED, "nvidia-rtx-pro")),
    },
    "huawei-": {"fp8": ("Ascend 950", ("huawei-ascend-95", "huawei-ascend-96", "huawei-ascend-97", "huawei-atlas-350"))},
}


@dataclass(frozen=True)
class Job:
    """Sizes of the groups, batch, and what is kept, computed again and split; ``nodes`` x ``node_chips`` = ``chips``."""

    tp: int
    cp: int
    pp: int
    dp: int
    ep: int
    vpp: int
    micro_batch: int
    global_batch: int
    length: int
    sequence_parallel: bool
    fused: bool
    recomputed: float
    sharding: str
    recompute: str
    method: str
    scheme: str
    model_id: str
    chip_id: str
    nodes: int
    node_chips: int
    notes: tuple[Phrase, ...] = field(default=(), hash=False)

    @property
    def chips(self) -> int:
        """Chips of the job, the product of the parallel sizes."""
        return self.tp * self.cp * self.pp * self.dp

    @property
    def micro_batches(self) -> int:
        """Micro-batches of a pipeline in a step."""
        return self.global_batch // (self.dp * self.micro_batch)

    @property
    def chunks(self) -> int:
        """Pieces the layers are cut into."""
        return self.pp * self.vpp

    @property
    def block_scaled(self) -> bool:
        """Whether the chip scales narrow numbers in blocks."""
        return self.chip_id.startswith(BLOCK_SCALED)

    def too_old(self, target: str) -> list[Phrase]:
        """A note where the chip has no units for the numbers asked for."""
        for vendor, schemes in GENERATIONS.items():
            generation, chips = schemes.get(self.scheme, ("", (vendor,)))
            if self.chip_id.startswith(vendor) and not self.chip_id.startswith(chips):
                return [Phrase("launch.needs_chip", {"target": target, "scheme": self.scheme, "generation": generation, "chip": self.chip_id})]
        return []

    @property
    def rank(self) -> int:
        """Rank of the adapters the prediction assumes."""
        return int(RANK)

    @property
    def fully_sharded(self) -> bool:
        """Whether more than the optimizer's state is shared (ZeRO-2 and above)."""
        return self.sharding in ("gradients", "parameters")


def job_of(model_id: str, configs: TrainingConfigs, row: int, chip_id: str, node_chips: int) -> Job:
    """The job of one row on nodes of ``node_chips`` chips, of the model called ``model_id``."""
    whole = {name: round(float(getattr(configs, name)[row])) for name in ("tp", "cp", "pp", "dp", "ep", "vpp", "micro_batch", "global_batch", "length")}
    chips = whole["tp"] * whole["cp"] * whole["pp"] * whole["dp"]
    nodes = -(-chips // node_chips)
    notes = []
    if chips % nodes:
        notes.append(Phrase("launch.uneven_nodes", {"chips": chips, "node": node_chips}))
        nodes = chips
    if whole["global_batch"] % (whole["dp"] * whole["micro_batch"]):
        notes.append(Phrase("launch.uneven_batch", {"batch": whole["global_batch"], "share": whole["dp"] * whole["micro_batch"]}))
    if whole["pp"] == 1:
        whole["vpp"] = 1
    return Job(
        **whole, sequence_parallel=bool(configs.sequence_parallel[row]) and whole["tp"] > 1, fused=bool(configs.fused[row]),
        recomputed=float(configs.recomputed[row]), sharding=SHARDINGS[int(configs.sharding[row])], recompute=RECOMPUTES[int(configs.recompute[row])],
        method=METHODS[int(configs.method[row])], scheme=SCHEMES[int(configs.scheme[row])],
        model_id=model_id, chip_id=chip_id, nodes=nodes, node_chips=chips // nodes, notes=tuple(notes),
    )  # fmt: skip


def recomputed_layers(layers: int, job: Job) -> int:
    """Layers each piece of the model computes again under full recompute."""
    return max(round(job.recomputed * -(-layers // job.chunks)), 1)


def pieces(layers: int, count: int) -> list[int]:
    """Layers of each of ``count`` pieces; the light ones are the last (it has the head), the first (the embedding), then from the end.

    >>> pieces(61, 16)
    [3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 3, 3]
    """
    base, heavy = divmod(layers, count)
    order = [count - 1, 0, *range(count - 2, 0, -1)][:count]
    light = set(order[: count - heavy])
    return [base + (piece not in light) for piece in range(count)]


def pipeline_layout(layers: int, count: int) -> str:
    """The pieces in Megatron's layout language: E embedding, t layer, L head, | between pieces.

    >>> pipeline_layout(61, 16)
    'Et*3|(t*4|)*13t*3|t*3L'
    """
    first, *middle, last = pieces(layers, count)
    text = f"E{_layers(first)}|"
    for size, run in groupby(middle):
        times = len(list(run))
        text += f"({_layers(size)}|)*{times}" if times > 1 else f"{_layers(size)}|"
    return f"{text}{_layers(last)}L"


def _layers(count: int) -> str:
    return f"t*{count}" if count > 1 else "t" * count
