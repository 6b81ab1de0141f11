"""What a model keeps per sequence: a cache that grows with the context, windows that stop growing, states that never grow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from suanli.models.op import Op


@dataclass(frozen=True)
class CacheElements:
    """Elements cached over all layers: ``per_token`` of context, and ``windowed`` pairs (window, elements per token inside it)."""

    per_token: float
    windowed: tuple[tuple[int, float], ...] = ()

    @property
    def per_token_in_window(self) -> float:
        """Elements one more token adds while the context is shorter than every window."""
        return self.per_token + sum(elements for _, elements in self.windowed)

    def at(self, context: float) -> float:
        """Elements a sequence of ``context`` tokens holds.

        >>> CacheElements(10.0, ((128, 5.0),)).at(1000)
        10640.0
        """
        return self.per_token * context + sum(elements * min(context, window) for window, elements in self.windowed)


def cache_elements(ops: Iterable[Op]) -> CacheElements:
    """The cache of an op list (``model.ops``): an attention op without window caches every token, with window the last ``window`` tokens,
    and where ``stride`` > 1 also one compressed entry per ``stride`` tokens of the whole context."""
    per_token = 0.0
    windowed: dict[int, float] = {}
    for op in ops:
        if op.kind != "attention":
            continue
        if op.window:
            windowed[op.window] = windowed.get(op.window, 0.0) + op.count * op.cached * op.stride
        if not op.window or op.stride > 1:
            per_token += op.count * op.cached
    return CacheElements(per_token, tuple(sorted(windowed.items())))


def state_elements(ops: Iterable[Op]) -> float:
    """Elements of linear-attention and state-space states one sequence holds over all layers, whatever its length."""
    return sum(op.count * op.state for op in ops if op.kind == "scan")
