"""Every legal way to lay a training job out over its chips, piece by piece, and the best of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suanli.hardware import Platforms
from suanli.models import Model
from suanli.performance.reasons import Reason
from suanli.performance.training.calibration import TrainingCalibration
from suanli.performance.training.configs import RECOMPUTES, SHARDINGS, TrainingConfigs, TrainingEstimate, join, training_configs
from suanli.performance.training.train import CHUNK, train

Floats = NDArray[np.float64]

#: the parts of a layout that may be given
PARALLEL = ("tp", "pp", "cp", "dp", "ep", "vpp", "micro_batch", "sharding", "recompute", "recomputed", "sequence_parallel")
#: micro-batches larger than this never pay: products are long enough by then
LARGEST_MICRO_BATCH = 64
#: layouts kept of a search, the best first
KEPT = 64


@dataclass(frozen=True)
class Job:
    """What is laid out: ``chips`` of one platform (its row), a step of ``global_batch`` sequences of ``length`` tokens at ``scheme`` by ``method``;
    ``given`` fixes parts of the layout by name."""

    platform: int
    chips: int
    global_batch: int
    length: int
    scheme: int
    method: int = 0
    stack: int = 0
    given: Mapping[str, float] = field(default_factory=dict)


def divisors(number: int) -> list[int]:
    """All divisors, smallest first.

    >>> divisors(12)
    [1, 2, 3, 4, 6, 12]
    """
    small = [each for each in range(1, int(number**0.5) + 1) if number % each == 0]
    return small + [number // each for each in reversed(small) if each * each != number]


def grids(model: Model, job: Job, domain: float = np.inf) -> Floats:
    """(B, 8): tp, cp, ep, micro_batch, pp, dp, vpp and layers a piece of every legal grid of the chips, sorted so that neighbours share their layers' times.

    Legal: tp divides the heads and stays within a scale-up ``domain``, twice cp the sequence, ep the experts and the chips of a stage, data-parallel
    replicas and micro-batches the batch; a pipeline has at most as many stages as layers (the last may have fewer) and is interleaved only evenly, with a
    multiple of its stages in micro-batches.
    Parts that were given stand as they are, legal or not: the estimate says why not.
    """
    arch, given = model.architecture, job.given
    heads = [op.heads for op in model.ops if op.kind in ("attention", "scan") and op.heads]
    experts = max((op.experts for op in model.ops if op.kind == "experts"), default=1)
    chips = divisors(job.chips)
    tensor = _given(given, "tp", [each for each in chips if each <= domain and all(head % each == 0 for head in heads)])
    pipes = _given(given, "pp", [each for each in chips if each <= arch.layers])
    contexts = _given(given, "cp", [each for each in chips if job.length % (2 * each) == 0])
    rows = []
    for tp, pp, cp in itertools.product(tensor, pipes, contexts):
        stage, rest = divmod(job.chips, pp)
        if rest or stage % (tp * cp):
            continue
        dp = stage // (tp * cp)
        if dp != given.get("dp", dp) or (job.global_batch % dp and "dp" not in given):
            continue
        micro = divisors(job.global_batch // dp) if job.global_batch % dp == 0 else [1]
        for each in _given(given, "micro_batch", [one for one in micro if one <= LARGEST_MICRO_BATCH]):
            count = job.global_batch / dp / each
            for vpp in _given(given, "vpp", _pieces(arch.layers, pp) if pp > 1 and count % pp == 0 else [1]):
                for ep in _given(given, "ep", [one for one in divisors(experts) if stage % one == 0]):
                    rows.append((tp, cp, ep, each, pp, dp, vpp, max(-(-arch.layers // (pp * vpp)), 1)))
    rows.sort()
    return np.array(rows, dtype=np.float64).reshape(-1, 8)


def _pieces(layers: int, stages: int) -> list[int]:
    """Pieces a stage may hold: divisors of its layers, where embedding and head may take a layer's place each.

    >>> _pieces(96, 8), _pieces(126, 16), _pieces(61, 16)
    ([1, 2, 3, 4, 6, 12], [1, 2, 4, 8], [1, 2])
    """
    return [each for each in divisors(-(-layers // stages)) if stages * each <= layers + 2]


def _given(given: Mapping[str, float], name: str, options: list[int]) -> list[int]:
    return [int(given[name])] if name in given else options


def layouts(model: Model, job: Job, domain: float = np.inf) -> Iterator[TrainingConfigs]:
    """Every legal grid with every sharding, recomputation (none, selective, or so many layers of each piece) and sequence parallelism, in chunks."""
    grid, given = grids(model, job, domain), job.given
    shardings = _given(given, "sharding", list(range(len(SHARDINGS))))
    full = RECOMPUTES.index("full")
    # options of one grid: shardings x (sequence parallel or not, where tp > 1) x recomputations, of which full has one a layer of a piece
    splits = np.where(grid[:, 0] > 1, 2, 1) if "sequence_parallel" not in given else np.ones(len(grid), np.int64)
    again = (full + grid[:, 7] if "recompute" not in given else np.where(_whole_shares(given), grid[:, 7], 1)).astype(np.int64)
    counts = len(shardings) * splits * again
    ends = np.cumsum(counts)
    start = 0
    while start < len(grid):
        stop = max(int(np.searchsorted(ends, (ends[start - 1] if start else 0) + CHUNK, side="right")), start + 1)
        which = np.repeat(np.arange(start, stop), counts[start:stop])
        own = np.arange(len(which)) - np.repeat(ends[start:stop] - counts[start:stop] - (ends[start - 1] if start else 0), counts[start:stop])
        own, kind = np.divmod(own, again[which])
        own, split = np.divmod(own, splits[which])
        tp, cp, ep, micro, pp, dp, vpp, pieces = grid[which].T
        if "recompute" in given:
            code = np.full(len(which), int(given["recompute"]))
            share = np.where(_whole_shares(given), (kind + 1) / pieces, given.get("recomputed", 1.0))
        else:
            code = np.minimum(kind, full)
            share = np.where(kind >= full, (kind - full + 1) / pieces, 1.0)
        yield training_configs(
            len(which), platform=job.platform, scheme=job.scheme, tp=tp, cp=cp, pp=pp, dp=dp, ep=ep, vpp=vpp, micro_batch=micro, global_batch=job.global_batch,
            length=job.length, sharding=np.array(shardings)[own], recompute=code, recomputed=share,
            sequence_parallel=given["sequence_parallel"] if "sequence_parallel" in given else split * 1.0, method=job.method, stack=job.stack,
        )  # fmt: skip
        start = stop


def _whole_shares(given: Mapping[str, float]) -> bool:
    """Whether full recomputation was asked for without saying of how much."""
    return given.get("recompute") == RECOMPUTES.index("full") and "recomputed" not in given


@dataclass(frozen=True)
class Layouts:
    """Rows with their estimates."""

    configs: TrainingConfigs
    estimate: TrainingEstimate

    def __len__(self) -> int:
        return len(self.configs)

    def take(self, rows: Any) -> Layouts:
        """The chosen rows."""
        return Layouts(self.configs.take(rows), self.estimate.take(rows))


@dataclass(frozen=True)
class Found:
    """A search's answer: the ``best`` layouts, fastest first, and the ``front`` that no other beats in both time and memory (None where none runs); how
    many were ``tried`` and how many run; how many fell by each reason; and the one that is ``nearest`` to running where none does."""

    best: Layouts | None
    front: Layouts | None
    tried: int
    running: int
    reasons: Mapping[str, int]
    nearest: Layouts | None


def search(model: Model, platforms: Platforms, calibration: TrainingCalibration, job: Job, progress: Callable[[int], None] | None = None) -> Found:
    """The best of all layouts of ``job`` by our own point estimate; ``progress`` is called with the rows tried so far. ``tried`` is 0 where no grid
    divides the chips, the batch and the model."""
    best: list[Layouts] = []
    front: list[Layouts] = []
    nearest: Layouts | None = None
    tried, running, reasons = 0, 0, dict.fromkeys(Reason, 0)
    for chunk in layouts(model, job, float(platforms.domain[job.platform])):
        rows = Layouts(chunk, train(model, platforms, calibration, chunk))
        estimate = rows.estimate
        tried += len(chunk)
        good = np.flatnonzero(estimate.why_not == 0)
        running += len(good)
        if len(good) < len(chunk):
            for each in Reason:
                reasons[each] += int(np.count_nonzero(estimate.why_not & int(each)))
        if len(good):
            time, held = estimate.step_time[0, good], estimate.memory.total[good]
            best.append(rows.take(good[np.argsort(time, kind="stable")[:KEPT]]))
            front.append(rows.take(good[_front(time, held)]))
        elif not best:
            closest = rows.take([_closest(estimate)])
            if nearest is None or _distance(closest.estimate) < _distance(nearest.estimate):
                nearest = closest
        if progress is not None:
            progress(tried)
    kept, edge = _joined(best), _joined(front)
    if kept is not None and edge is not None:
        kept = kept.take(np.argsort(kept.estimate.step_time[0], kind="stable")[:KEPT])
        edge = edge.take(_front(edge.estimate.step_time[0], edge.estimate.memory.total))
        nearest = None
    return Found(kept, edge, tried, running, {str(key.name).lower(): count for key, count in reasons.items() if count}, nearest)


def _joined(parts: list[Layouts]) -> Layouts | None:
    if not parts:
        return None
    columns = {each.name: np.concatenate([getattr(part.configs, each.name) for part in parts]) for each in fields(TrainingConfigs)}
    return Layouts(TrainingConfigs(**columns), join([part.estimate for part in parts]))


def _front(time: Floats, held: Floats) -> NDArray[np.int64]:
    """Rows that no other beats in both, fastest first."""
    order = np.lexsort((held, time))
    lowest = np.minimum.accumulate(held[order])
    return order[np.r_[True, lowest[1:] < lowest[:-1]]]


def _distance(estimate: TrainingEstimate) -> tuple[int, float]:
    """How far one row is from running: the number of reasons, then the memory it takes."""
    return int(estimate.why_not[0]).bit_count(), float(np.nan_to_num(estimate.memory.total[0], nan=np.inf))


def _closest(estimate: TrainingEstimate) -> int:
    """The row with the fewest reasons against it, and of those the one that takes the least memory."""
    flags, place = np.unique(estimate.why_not, return_inverse=True)
    counts = np.array([int(each).bit_count() for each in flags])[place]
    return int(np.lexsort((np.nan_to_num(estimate.memory.total, nan=np.inf), counts))[0])
