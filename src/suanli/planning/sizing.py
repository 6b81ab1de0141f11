"""How many replicas carry the traffic with room for its queueing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from suanli.formulas.queueing import servers_for_wait
from suanli.performance.configs import Configs, Estimate
from suanli.planning.ask import Ask

Floats = NDArray[np.float64]
#: share of the target that is left to waiting even where the prompt takes all of it
LEAST_SLACK = 0.05


def replicas_at_full_load(ask: Ask, configs: Configs, tokens_rate: Floats) -> Floats:
    """Replicas that the busiest minute fills completely: the lower bound used to screen. Real numbers, (N,)."""
    return np.asarray(ask.rate * ask.peak_to_mean * configs.output_length / tokens_rate / ask.duty)


def replicas(ask: Ask, configs: Configs, estimate: Estimate, scenario: int) -> Floats:
    """Whole replicas for the traffic, (N,).

    Each of a replica's ``concurrency`` places is a server that a request holds for ttft + tpot (output - 1) seconds; requests arrive at the
    peak rate; the share ``wait_share`` of them must find a place within what the TTFT target leaves. ``ideal``: no waiting, no rounding to
    places, only duty. A slow scenario needs more replicas.
    """
    if ask.ideal:
        return np.asarray(np.ceil(replicas_at_full_load(ask, configs, estimate.tokens_rate[scenario])))
    held = configs.concurrency * configs.output_length / estimate.tokens_rate[scenario]
    first = estimate.ttft[-1 - scenario]  # where the rate is high the first token is early
    slack = np.maximum(ask.ttft - first, LEAST_SLACK * ask.ttft) if np.isfinite(ask.ttft) else np.full(len(configs), np.inf)
    places = servers_for_wait(ask.rate * ask.peak_to_mean, held, ask.service_variation, np.minimum(slack, 1e6), ask.assumptions["wait_share"].value)
    return np.asarray(np.ceil(places / configs.concurrency / ask.duty))
