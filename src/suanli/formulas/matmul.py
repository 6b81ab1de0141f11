"""Dense matrix products."""

from __future__ import annotations

from suanli.formulas.arrays import Array


def matmul_flop(rows: Array, inner: Array, outer: Array) -> Array:
    """Operations of (rows x inner)(inner x outer), a multiply and an add each: 2 m k n.

    >>> matmul_flop(1, 1000, 1000)
    2000000
    """
    return 2 * rows * inner * outer


def matmul_bytes(rows: Array, inner: Array, outer: Array, weight_bytes: Array, activation_bytes: Array) -> Array:
    """Bytes read and written once each: k n w + m (k + n) a, with bytes per weight ``weight_bytes`` and per activation ``activation_bytes``.

    >>> matmul_bytes(1, 1000, 1000, 1, 2)
    1004000
    """
    return inner * outer * weight_bytes + rows * (inner + outer) * activation_bytes
