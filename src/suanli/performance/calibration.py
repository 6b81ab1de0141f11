"""The deratings: what share of the sheet's numbers is reached. Written by ``scripts/fit_serving.py``, never by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from suanli.facts import Catalogue, Schema
from suanli.facts.reader import Day
from suanli.hardware import Platforms

Floats = NDArray[np.float64]


class Constants(Schema):
    """Global constants of the serving model; names are physical, times in seconds, shares of the sheet's peak.

    ``exposed_communication``: share of communication that computation does not hide. ``half_rows`` (``expert_half_rows``
    in experts): rows of a product at which half
    of the compute share is reached.
    """

    compute_16: float
    compute_8: float
    compute_4: float
    half_rows: float
    memory: float
    attention_memory: float
    attention_compute: float
    link: float
    all_reduce_latency: float
    all_to_all_latency: float
    expert_imbalance: float
    expert_half_rows: float
    launch: float
    layer_overhead: float
    step_overhead: float
    sequence_overhead: float
    token_overhead: float
    routing_latency: float
    exposed_communication: float
    interference: float
    queue_share: float
    prefill_overhead: float
    first_token_steps: float
    transfer_latency: float
    disaggregated_queue: float
    memory_usable: float


class EngineFile(Schema):
    """How an engine (or one version of it) differs from all together: a multiplier of TTFT, shrunk to 1, from ``rows`` rows."""

    ttft: float
    rows: int


class Residuals(Schema):
    """Quantiles of log(measured / predicted) in cross-validation: 10 % and 90 %."""

    ttft: tuple[float, float]
    tpot: tuple[float, float]
    throughput: tuple[float, float]
    rows: int


class CalibrationFile(Schema):
    """``data/calibration/serving.toml``."""

    fitted_on: Day
    data_hash: str
    rows: int
    method: str
    constants: Constants
    families: dict[str, dict[str, float]] = {}
    engines: dict[str, EngineFile] = {}
    residuals: dict[str, Residuals]


@dataclass(frozen=True)
class Calibration:
    """Constants, and per-platform multipliers of time (P,) where a family was measured; ``knowledge`` (P,) picks the residuals.

    knowledge 0: the architecture was measured; 1: its class was; 2: known by its sheet only.
    """

    constants: Constants
    slower: Floats
    knowledge: NDArray[np.int64]
    residuals: dict[str, Residuals]
    engines: Mapping[str, EngineFile] = field(default_factory=dict)

    def knows(self, framework: str) -> bool:
        """Whether an engine of that name was measured, in any version."""
        return framework.strip().lower().split()[0] in self.engines

    def engine(self, framework: str) -> float:
        """The TTFT multiplier of ``"vllm 0.12.0"``: the version's own, else the engine's, else 1."""
        words = framework.strip().lower().split()
        for name in (" ".join(words), words[0] if words else ""):
            if name in self.engines:
                return self.engines[name].ttft
        return 1.0


KNOWLEDGE = ("family", "class", "sheet")

IDEAL = Constants(
    compute_16=1,
    compute_8=1,
    compute_4=1,
    half_rows=0,
    memory=1,
    attention_memory=1,
    attention_compute=1,
    link=1,
    all_reduce_latency=0,
    all_to_all_latency=0,
    expert_imbalance=1,
    expert_half_rows=0,
    launch=0,
    layer_overhead=0,
    step_overhead=0,
    sequence_overhead=0,
    token_overhead=0,
    routing_latency=0,
    exposed_communication=0,
    interference=1,
    queue_share=0,
    prefill_overhead=0,
    first_token_steps=0,
    transfer_latency=0,
    disaggregated_queue=1,
    memory_usable=1,
)


def load_calibration(catalogue: Catalogue, platforms: Platforms, *, ideal: bool = False) -> Calibration:
    """The calibration seen from ``platforms``; ``ideal`` = every efficiency 1, every overhead 0: the speed of light."""
    file = catalogue.record("calibration", "serving", CalibrationFile).content
    if ideal:
        none = Residuals(ttft=(0, 0), tpot=(0, 0), throughput=(0, 0), rows=0)
        zeros = np.zeros(len(platforms), np.int64)
        # how much of prompts' work hides behind decoding is no efficiency: it stays as measured
        ideal_constants = IDEAL.model_copy(update={"interference": file.constants.interference})
        return Calibration(ideal_constants, np.ones(len(platforms)), zeros, dict.fromkeys(KNOWLEDGE, none))
    slower, knowledge = [], []
    measured_kinds = {"gpu"}
    for architecture, kind in zip(platforms.architecture, platforms.kind, strict=True):
        family = file.families.get(architecture.split()[0].lower() if architecture else "", None)
        slower.append(family["slower"] if family else 1.0)
        knowledge.append(0 if family else 1 if kind in measured_kinds else 2)
    return Calibration(file.constants, np.array(slower), np.array(knowledge), dict(file.residuals), dict(file.engines))
