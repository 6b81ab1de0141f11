"""What the groups of a training job exchange, and how long the links take for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanli.formulas.arrays import Array
from suanli.formulas.kernels import collective_time
from suanli.formulas.training import domains_reached, exchange_time, group_bandwidth
from suanli.hardware import Platforms
from suanli.models import Model
from suanli.performance import rates
from suanli.performance.training.calibration import Constants, TrainingCalibration
from suanli.performance.training.configs import TrainingConfigs
from suanli.performance.training.memory import GRADIENT, WEIGHT, Held

Floats = NDArray[np.float64]
#: bytes of a hidden state on the links
ACTIVATION = 2


@dataclass(frozen=True)
class Links:
    """Rates of each row's links [B/s per chip and direction], the share of the fabric's that exchanges of all with all reach, whether each copy of a token
    crosses the fabric (1) or one a domain (0), and the constants of a measured ring (N,)."""

    link: Floats
    fabric: Floats
    domain: Floats
    exchanged: Array
    copies_sent: Array
    ring_constants: Mapping[str, Floats]

    def ring(self, volume: Floats, chips: Floats, inner: Floats) -> Floats:
        """Seconds in which each of ``chips`` chips, ``inner`` apart, sends ``volume`` bytes around a ring."""
        c = self.ring_constants
        bandwidth = group_bandwidth(self.link * c["link"], self.fabric, self.domain, inner, chips)
        near = self.domain >= chips * inner
        return np.asarray(collective_time(volume, chips, bandwidth, 1.0, c["step"], np.where(near, c["ramp"], 0.0), c["launch"]))

    def exchange(self, volume: Floats, chips: Floats, inner: Floats, copies: Floats) -> Floats:
        """Seconds in which each of ``chips`` chips, ``inner`` apart, sends ``volume`` bytes to all others together, ``copies`` of each token."""
        domains = np.maximum(chips * inner / self.domain, 1.0)
        once = np.minimum(domains_reached(copies, domains) / copies, 1.0)
        crossing = self.copies_sent + (1 - self.copies_sent) * once
        link, fabric = self.link * self.ring_constants["link"], self.fabric * self.exchanged
        return np.asarray(exchange_time(volume, link, fabric, self.domain, inner, chips, crossing))

    def send(self, volume: Floats, distance: Floats) -> Floats:
        """Seconds of a message to the chip ``distance`` further on."""
        return np.asarray(volume / np.where(distance < self.domain, self.link, self.fabric) + self.ring_constants["launch"])


def links_of(platforms: Platforms, calibration: TrainingCalibration, k: Constants, c: TrainingConfigs) -> Links:
    """The links of each row's platform at what ``k`` says is reached of them."""
    ring = rates.collective(platforms, calibration.kernels, "all_gather.nccl", c.platform)
    return Links(platforms.link[c.platform] * k.link, platforms.fabric[c.platform] * k.fabric, platforms.domain[c.platform], k.exchange, k.copies_sent, ring)


def tensor_time(model: Model, links: Links, c: TrainingConfigs) -> Floats:
    """What one pass exchanges for tensor parallelism: an all-reduce (or a scatter and a gather: as many bytes) after each mixer and feed-forward part."""
    arch = model.architecture
    volume = 2 * (1 - 1 / c.tp) * c.micro_batch * c.length / c.cp * arch.hidden * ACTIVATION
    mixtures = sum(block.count for block in arch.blocks for name in (block.ffn, block.also) if name and arch.ffns[name].kind == "mixture")
    # experts that stay whole exchange tokens instead
    return np.asarray(links.ring(volume, c.tp, np.ones(len(c))) * (arch.parts - mixtures * (c.expert_cut < c.tp)))


def context_time(model: Model, links: Links, c: TrainingConfigs) -> Floats:
    """One pass of all layers' keys and values around the ring of context-parallel chips (Liu et al., Ring Attention, arXiv 2310.01889)."""
    width = np.zeros(len(c))
    for op in model.ops:
        if op.kind == "attention":
            heads = max(op.heads if op.role == "latent" else op.cache_parts, 1)
            width = width + op.count * heads / np.minimum(c.tp, heads) * (op.score_dim + op.value_dim)
    volume = c.micro_batch * c.length / c.cp * (c.cp - 1) * width * ACTIVATION
    return links.ring(volume, c.cp, c.tp)


def expert_time(model: Model, links: Links, c: TrainingConfigs) -> Floats:
    """What dispatch and combine of all mixtures send in one pass."""
    mixtures = [op for op in model.ops if op.kind == "experts"]
    if not mixtures:
        return np.zeros(len(c))
    count = sum(op.count for op in mixtures)
    chosen = sum(op.count * op.active for op in mixtures) / count
    copies = np.minimum(chosen, c.ep)
    sent = c.micro_batch * c.length / c.cp / c.tp * copies * model.architecture.hidden * ACTIVATION * (1 - 1 / c.ep)
    return 2 * count * links.exchange(sent, c.ep, c.expert_cut, copies)


def send_time(model: Model, links: Links, c: TrainingConfigs) -> Floats:
    """One micro-batch's hidden states to the next stage."""
    tokens = c.micro_batch * c.length / c.cp / np.where(c.sequence_parallel > 0, c.tp, 1.0)
    return links.send(tokens * model.architecture.hidden * ACTIVATION, c.tp * c.cp * c.dp)


def scatter_time(links: Links, held: Held, c: TrainingConfigs) -> Floats:
    """Reduce the gradients over the chips that hold the same parameters, each keeping its share."""
    return _once_around(links, c, held.trained, held.trained_experts, GRADIENT / 2)


def gather_time(links: Links, held: Held, c: TrainingConfigs) -> Floats:
    """Gather what the update made of the shares."""
    return _once_around(links, c, held.trained, held.trained_experts, WEIGHT)


def parameter_time(links: Links, held: Held, c: TrainingConfigs) -> Floats:
    """Gather fully sharded parameters for a forward and a backward pass, scatter their gradients."""
    gathered = _once_around(links, c, held.dense, held.experts, 2 * WEIGHT)
    return gathered + scatter_time(links, held, c)


def _once_around(links: Links, c: TrainingConfigs, dense: Floats, experts: Floats, size: float) -> Floats:
    copies = c.copies
    first = links.ring(size * dense * (1 - 1 / copies), copies, c.tp)
    if not np.any(experts):
        return first
    copies = c.expert_copies
    second = links.ring(size * experts * (1 - 1 / copies), copies, c.ep * c.expert_cut)
    return np.asarray(first + np.where(experts > 0, second, 0.0))
