"""A training step: what the chips of a job exchange, how a pipeline fills and drains, what the update moves."""

from __future__ import annotations

import numpy as np

from suanli.formulas.arrays import Array


def group_bandwidth(link: Array, fabric: Array, domain: Array, inner: Array, group: Array) -> Array:
    """Bytes per second and direction of one chip in a ring over ``group`` chips that are ``inner`` apart.

    Of the group d = min(max(domain/inner, 1), group) chips share a scale-up domain; a ring enters and leaves it once, and as many rings run as chips
    stand in it, so the fabric carries 1/d of a chip's traffic: B = link where d = group, else min(link, d fabric)   (NCCL's rings; Sergeev & Del Balso,
    arXiv 1802.05799, section 3). link, fabric [B/s].

    >>> [float(group_bandwidth(450e9, 50e9, 8, inner, 64)) / 1e9 for inner in (1, 4, 8)]
    [400.0, 100.0, 50.0]
    """
    near = np.clip(domain / inner, 1, group)
    return np.where(near >= group, link, np.minimum(link, near * fabric))


def exchange_time(volume: Array, link: Array, fabric: Array, domain: Array, inner: Array, group: Array, crossing: Array = 1.0) -> Array:
    """Seconds of an all-to-all in which each chip sends ``volume`` bytes evenly to the others of its group; both levels run side by side.

    max(V n / L, V f x / F), n and f the shares of the others inside and outside the domain, ``crossing`` x the share of what is meant for other domains
    that is sent to them (the rest are copies made there). volume [B], link and fabric [B/s].

    >>> float(exchange_time(63e9, 100e9, 10e9, 8, 1, 64)), float(exchange_time(1e9, 100e9, 10e9, 8, 1, 1))
    (5.6, 0.0)
    """
    near = np.clip(domain / inner, 1, group)
    others = np.maximum(group - 1, 1)
    sent = volume * (group > 1)
    return np.maximum(sent * (near - 1) / others / link, sent * (group - near) / others * crossing / fabric)


def pipeline_time(stage: Array, slowest: Array, micro_batches: Array, stages: Array, pieces: Array) -> tuple[Array, Array]:
    """Seconds at work and seconds of waiting of a pipeline that runs one forward, one backward: M t_slowest and (p - 1)/v t_mean.

    ``stage`` and ``slowest`` [s]: one micro-batch through the mean, and through the slowest stage, forward and backward; ``micro_batches`` M,
    ``stages`` p, ``pieces`` v of the model a stage holds (Narayanan et al., SC 2021, section 2.2).

    >>> [float(each) for each in pipeline_time(1.0, 1.0, 8, 4, 2)]
    [8.0, 1.5]
    """
    return micro_batches * slowest, (stages - 1) / pieces * stage


def slowest_stage(layers: Array, layer: Array, last: Array, stages: Array) -> Array:
    """Seconds of the slowest stage: ceil(l/p) layers, or the last one with what is left and the head.

    ``layers`` l of ``layer`` seconds each, ``last`` [s] what only the last stage does. Where the layers do not divide, the last stage has the fewest.

    >>> float(slowest_stage(8, 1.0, 0.5, 4)), float(slowest_stage(7, 1.0, 0.5, 4)), float(slowest_stage(8, 1.0, 0.5, 1))
    (2.5, 2.0, 8.5)
    """
    most = np.ceil(layers / stages)
    return np.maximum(most * layer, (layers - (stages - 1) * most) * layer + last)


def exposed(time: Array, share: Array, shadow: Array) -> Array:
    """Seconds of an exchange that are not hidden: ``share`` of it is never, the rest runs in the ``shadow`` [s] of other work.

    e t + max((1 - e) t - s, 0)

    >>> float(exposed(10.0, 0.1, 5.0)), float(exposed(10.0, 0.1, 100.0))
    (5.0, 1.0)
    """
    return share * time + np.maximum((1 - share) * time - shadow, 0)


def score_bytes(heads: Array, sequences: Array, length: Array, passes: Array) -> Array:
    """Bytes that attention moves which writes its scores: ``passes`` times 2 B of every pair of tokens and head.

    2 p h b s^2: product, scale and mask, softmax, dropout each read and write all s^2 pairs in 16 bit, masked ones too
    (Dao et al., FlashAttention, NeurIPS 2022, section 2.2).

    >>> score_bytes(1, 1, 1000, 4)
    8000000
    """
    return passes * 2 * heads * sequences * length * length


def domains_reached(copies: Array, domains: Array) -> Array:
    """Expected number of distinct domains of ``domains`` that ``copies`` copies of a token go to, each anywhere: d (1 - (1 - 1/d)^k).

    What a token costs where it crosses to each domain once and is copied there (DeepSeek-V3, arXiv 2412.19437, section 3.2.2).

    >>> float(domains_reached(8, 1)), round(float(domains_reached(8, 8)), 3)
    (1.0, 5.251)
    """
    return domains * (1 - (1 - 1 / np.asarray(domains, float)) ** copies)
