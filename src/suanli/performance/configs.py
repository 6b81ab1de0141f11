"""What is asked of the performance model (Configs) and what it answers (Estimate): structs of arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Configs:
    """N serving configurations of one model; every field is (N,).

    ``platform`` row of a ``Platforms``; ``scheme`` code of ``performance.precision.SCHEMES``; one replica is ``tp`` x ``pp`` x ``dp`` chips
    (``dp``: attention data parallel inside the replica), its experts divided over ``ep`` groups; ``concurrency`` requests in the replica;
    lengths in tokens; ``cache_bits`` per cache element; ``engine`` row of the
    calibration's engines (0: any); ``equal_lengths`` 1 where every request has the same length, so that requests stay in waves, 0 where they vary;
    ``batch_limit`` sequences an attention rank of a decode worker takes at most (infinite: what the cache holds).
    ``prefill_replicas`` > 0: disaggregated, so many prefill workers of ``prefill_tp`` x ``prefill_dp`` chips each, with ``prefill_ep``,
    feed ``replicas`` decode workers, and ``concurrency`` counts all of them together. ``accepted``: tokens a decode step yields (1 = no
    speculative decoding).
    """

    platform: Ints
    scheme: Ints
    tp: Floats
    pp: Floats
    dp: Floats
    ep: Floats
    concurrency: Floats
    input_length: Floats
    output_length: Floats
    cache_bits: Floats
    accepted: Floats
    engine: Ints
    equal_lengths: Floats
    batch_limit: Floats
    replicas: Floats
    prefill_replicas: Floats
    prefill_tp: Floats
    prefill_dp: Floats
    prefill_ep: Floats

    def __len__(self) -> int:
        return len(self.platform)

    @property
    def chips(self) -> Floats:
        """Chips of all workers."""
        return self.replicas * self.tp * self.pp * self.dp + self.prefill_replicas * self.prefill_tp * self.prefill_dp

    def take(self, rows: Any) -> Configs:
        """The chosen rows (an index array, a mask or a slice)."""
        return Configs(**{each.name: getattr(self, each.name)[rows] for each in fields(self)})

    def chunks(self, size: int) -> Iterator[tuple[slice, Configs]]:
        """Pieces of at most ``size`` rows, for arrays that stay in the cache."""
        for start in range(0, len(self), size):
            piece = slice(start, start + size)
            yield piece, self.take(piece)


def configs(count: int, **given: Any) -> Configs:
    """Configs from scalars and arrays, broadcast to ``count`` rows, with the defaults of one aggregated 16-bit chip."""
    values: dict[str, Any] = {
        "platform": 0,
        "scheme": 0,
        "tp": 1,
        "pp": 1,
        "dp": 1,
        "ep": 1,
        "concurrency": 1,
        "input_length": 0,
        "output_length": 1,
        "cache_bits": 16,
        "accepted": 1,
        "engine": 0,
        "equal_lengths": 0,
        "batch_limit": np.inf,
        "replicas": 1,
        "prefill_replicas": 0,
        "prefill_tp": 1,
        "prefill_dp": 1,
        "prefill_ep": 1,
    } | given
    kinds: dict[str, Any] = {"platform": np.int64, "scheme": np.int64, "engine": np.int64}
    columns: dict[str, Any] = {}
    for name, value in values.items():
        columns[name] = np.ascontiguousarray(np.broadcast_to(np.asarray(value, kinds.get(name, np.float64)), (count,)))
    return Configs(**columns)


#: what bounds a step, in the order of ``Estimate.bound_by``
BOUNDS = ("compute", "memory", "communication", "overhead", "queue")


@dataclass(frozen=True)
class Estimate:
    """The answer: (S, N) with S = 1 (point) or 3 (low, mid, high of an 80 % interval), or (N,) where one value serves all scenarios.

    ``ttft``, ``tpot`` [s]; ``tokens_rate`` output tokens/s of the replica (all workers), ``tokens_rate_per_chip``; ``running``
    sequences decoded together per replica (N,); ``waiting`` [s] part of ``ttft`` spent until a place or a prefill worker is free (N,);
    ``fits`` sequences its cache holds (N,); ``weight_bytes``, ``cache_bytes`` per chip (N,); ``power`` [W] of all chips with their share of
    the servers; ``why_not`` Reason flags, ``bound_by`` index into ``BOUNDS``, ``tier`` of the worst input.
    """

    ttft: Floats
    tpot: Floats
    tokens_rate: Floats
    tokens_rate_per_chip: Floats
    running: Floats
    fits: Floats
    weight_bytes: Floats
    cache_bytes: Floats
    prefill_time: Floats
    step_time: Floats
    waiting: Floats
    power: Floats
    why_not: Ints
    bound_by: Ints
    tier: Ints

    def __len__(self) -> int:
        return len(self.why_not)

    def take(self, rows: Any) -> Estimate:
        """The chosen rows."""
        return replace(self, **{each.name: getattr(self, each.name)[..., rows] for each in fields(self)})


def join(parts: list[Estimate]) -> Estimate:
    """Estimates one after another along N."""
    return Estimate(**{each.name: np.concatenate([getattr(part, each.name) for part in parts], axis=-1) for each in fields(Estimate)})
