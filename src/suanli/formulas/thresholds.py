"""The metrics of export rules, as arrays.

Source: 15 CFR 774 supplement 1, ECCN 3A090, technical notes 1 to 4 (text of 2026-07-23), and for the 2022 metric 87 FR 62186.
The quantities come in the units the law is written in (TOPS, GB/s, mm2, decimal), because a threshold must be met exactly. Every
function also takes ``fractions.Fraction``, alone or in object arrays, and then computes without rounding.
"""

from __future__ import annotations

import numpy as np

from suanli.formulas.arrays import Array


def total_processing_performance(rates: Array, bit_lengths: Array) -> Array:
    """TPP of a chip [TOPS x bit]: the largest product of dense rate and bit length.

    TPP = max over formats of (2 x MacTOPS x bit length); 2 x MacTOPS is the dense TOPS (TFLOPS) of a data sheet. Note 2 of 3A090.
    rates (..., formats) [TOPS], bit_lengths (formats,) [bit]; NaN where a format does not exist. All unknown gives NaN.

    >>> float(total_processing_performance(np.array([312.0, 624.0]), np.array([16, 8])))   # A100: bf16, int8
    4992.0
    """
    return np.fmax.reduce(np.asarray(rates) * np.asarray(bit_lengths), axis=-1)


def performance_density(performance: Array, die_area: Array) -> Array:
    """PD = TPP / applicable die area [1/mm2]; 0 where no die counts (all planar), so that no density leg can be met. Note 4.

    >>> float(performance_density(2368.0, 814.0).round(4)), float(performance_density(4000.0, 0.0))        # H20; planar
    (2.9091, 0.0)
    """
    performance, die_area = np.asarray(performance), np.asarray(die_area)
    counts = die_area != 0
    return np.where(counts, performance / np.where(counts, die_area, 1), 0)


def memory_bandwidth_density(bandwidth: Array, package_area: Array) -> Array:
    """Memory bandwidth density [GB/s/mm2] of a memory package or stack: bandwidth / area. 3A090.c.

    >>> float(memory_bandwidth_density(819.0, 110.0).round(2))                             # an HBM3 stack
    7.45
    """
    return np.asarray(bandwidth) / np.asarray(package_area)


def aggregate_bidirectional_rate(link_bandwidth: Array, host_bandwidth: Array) -> Array:
    """Aggregate bidirectional transfer rate over all I/O but volatile memory: 2 (links + host), both given per direction. 87 FR 62186.

    >>> float(aggregate_bidirectional_rate(300.0, 32.0))                                   # A100: NVLink 3 and PCIe 4.0 x16
    664.0
    """
    return 2 * (np.asarray(link_bandwidth) + np.asarray(host_bandwidth))


def aggregated_approximated_transistors(die_areas: Array, transistor_density: Array) -> Array:
    """Aggregated approximated transistors: the sum over dies of area [mm2] x density of the node [1/mm2]. Foundry rule, 90 FR 5298.

    >>> float(aggregated_approximated_transistors(np.array([100.0, 200.0]), np.array([1e8, 1e8])))
    30000000000.0
    """
    return np.sum(np.asarray(die_areas) * np.asarray(transistor_density), axis=-1)
