"""Why a configuration has no answer: bit flags of ``Estimate.why_not``; several may hold."""

from __future__ import annotations

import enum

import numpy as np
from numpy.typing import NDArray


class Reason(enum.IntFlag):
    """0 = answered. The sentence of each is ``performance.reasons.<name>`` of the words."""

    NONE = 0
    UNKNOWN_FACTS = 1  # capacity, bandwidth or a 16-bit rate of the chip is not known
    WEIGHTS = 2  # the weights do not fit
    CACHE = 4  # not one sequence fits beside the weights
    HEADS = 8  # tp does not divide the heads
    LAYERS = 16  # more pipeline stages than layers
    EXPERTS = 32  # ep does not divide the experts, or the chips
    CONTEXT = 64  # longer than the model's context
    UNKNOWN_MODEL = 128
    UNKNOWN_CHIP = 256
    UNKNOWN_CASE = 512  # a needed column is blank
    LAYOUT = 1024  # chips are not tp x pp x dp
    TTFT = 2048  # the time to first token asked for is missed at any load
    TPOT = 4096  # the time per token asked for is missed at any load
    RELEASE = 8192  # not on sale on the date
    LICENCE = 16384  # needs an export licence that the ask excludes
    PROHIBITED = 32768
    SEGMENT = 65536  # not sold for servers
    PRICE = 131072  # no price and no class to estimate one from
    EXCLUDED = 262144  # not among the chips asked for
    OFFERED = 524288  # its maker keeps it, or rents it only
    MEMORY = 1048576  # a training step does not fit
    BATCH = 2097152  # the batch is not a whole number of micro-batches
    SEQUENCE = 4194304  # the sequence does not divide over the context-parallel chips
    PRECISION = 8388608  # the chip has no units for the precision
    NOT_FREE = 16777216  # the law leaves it open, or asks for something short of a licence

    def names(self) -> list[str]:
        """The reasons in it, lower case.

        >>> (Reason.WEIGHTS | Reason.HEADS).names()
        ['weights', 'heads']
        """
        return [str(each.name).lower() for each in Reason if each & self]


def flag(condition: NDArray[np.bool_], reason: Reason) -> NDArray[np.int64]:
    """``reason`` where ``condition`` holds, else 0."""
    return np.where(condition, np.int64(reason), np.int64(0))
