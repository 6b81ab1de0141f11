"""The deratings: what share of the sheet's numbers is reached. Written by ``scripts/fit_serving.py``, never by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from suanli.facts import Catalogue, Schema
from suanli.facts.reader import Day
from suanli.formulas.arrays import Array
from suanli.hardware import Platforms
from suanli.performance.kernels import KernelConstants, kernel_constants

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Constants:
    """The constants of the serving model, numbers or one a row; names are physical, times in seconds.

    What an engine makes of kernels measured alone (``performance.kernels``), as multiples of their time: ``products``, ``experts_16/8/4`` by bits of their weights,
    ``attention`` and ``latent`` (decoding), ``prompt_attention``, ``collectives``; ``launch`` of their fixed times; ``prompt`` of a whole pass over
    prompts. Beside them: ``operator_overhead`` an operator (the small kernels around it), ``elementwise`` readings of the hidden states a layer and token, ``step_overhead`` a decode
    step, ``sequence_overhead`` a running sequence and step, ``host_sequence`` the
    host's work for one, hidden behind the chip's while that is longer, ``routing_latency`` a mixture, ``all_to_all_latency`` an exchange,
    ``expert_imbalance`` of the busiest chip, ``routing_spread`` share of the others' routed copies that each chip handles,
    ``routing_evenness`` (see ``formulas.kernels.routed_experts``).
    Load: ``interference`` share of the prompts' work that decoding waits for, ``queue_share`` (``queue_share_equal`` where all lengths
    are equal, so that requests arrive in waves) share of the others' prompts that a prompt waits for, ``admission`` share of a request's
    whole time spent until it is let in, ``reserved`` share of the output for which cache is held from the start, ``chunk`` prompt tokens
    computed together, ``first_token_steps`` decode steps and ``prefill_overhead`` before the first token.
    """

    products: Array
    experts_16: Array
    experts_8: Array
    experts_4: Array
    attention: Array
    latent: Array
    prompt_attention: Array
    collectives: Array
    launch: Array
    prompt: Array
    operator_overhead: Array
    elementwise: Array
    step_overhead: Array
    sequence_overhead: Array
    host_sequence: Array
    routing_latency: Array
    all_to_all_latency: Array
    expert_imbalance: Array
    routing_spread: Array
    routing_evenness: Array
    exposed_communication: Array
    interference: Array
    queue_share: Array
    queue_share_equal: Array
    admission: Array
    reserved: Array
    chunk: Array
    prefill_overhead: Array
    first_token_steps: Array
    first_prompt: Array
    transfer_latency: Array
    disaggregated_queue: Array
    memory_usable: Array


NAMES = tuple(each.name for each in fields(Constants))


class EngineFile(Schema):
    """How an engine (or one version of it) differs from all together: a factor by constant, or ``ttft``/``tpot`` of the whole; from ``rows`` rows."""

    rows: int
    factors: dict[str, float] = {}


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
    constants: dict[str, float]
    families: dict[str, dict[str, float]] = {}
    engines: dict[str, EngineFile] = {}
    residuals: dict[str, Residuals]


@dataclass(frozen=True)
class Calibration:
    """Constants of all together, and their factors by platform ``family`` (P,) and by ``engine`` (E,); ``knowledge`` (P,) picks the residuals.

    Engine 0 is any engine. knowledge 0: the architecture was measured; 1: its class was; 2: known by its sheet only.
    """

    constants: Constants
    kernels: KernelConstants
    family: Mapping[str, Floats]
    engine: Mapping[str, Floats]
    engines: tuple[str, ...]
    knowledge: Ints
    residuals: dict[str, Residuals]
    ideal: bool = False

    def knows(self, framework: str) -> bool:
        """Whether an engine of that name was measured, in any version."""
        words = framework.strip().lower().split()
        return bool(words) and words[0] in self.engines

    def engine_code(self, framework: str) -> int:
        """The row of ``"vllm 0.12.0"``: the version's own, else the engine's, else 0 (any)."""
        words = framework.strip().lower().replace("tensorrt-llm", "trtllm").split()
        for name in (" ".join(words), words[0] if words else ""):
            if name in self.engines:
                return self.engines.index(name)
        return 0

    def at(self, platform: Ints, engine: Ints) -> Constants:
        """The constants row by row (N,): all together, times the factors of the platform's family and of the engine."""
        changed = {}
        for name in {*self.family, *self.engine} & set(NAMES):
            value = getattr(self.constants, name)
            for table, row in ((self.family, platform), (self.engine, engine)):
                if name in table:
                    value = value * table[name][row]
            changed[name] = value
        return replace(self.constants, **changed)

    def engine_factor(self, name: str, engine: Ints) -> Floats:
        """The factor ``ttft`` or ``tpot`` of the whole (N,), 1 where the engine has none."""
        return self.engine[name][engine] if name in self.engine else np.ones(len(engine))


KNOWLEDGE = ("family", "class", "sheet")

_NO_COST = (
    "launch operator_overhead elementwise step_overhead sequence_overhead routing_latency all_to_all_latency routing_spread exposed_communication "
    "queue_share queue_share_equal admission prefill_overhead first_token_steps transfer_latency"
)
#: every efficiency 1, every overhead 0: the speed of light
IDEAL = Constants(**(dict.fromkeys(NAMES, 1.0) | dict.fromkeys(_NO_COST.split(), 0.0)))


def load_calibration(catalogue: Catalogue, platforms: Platforms, *, ideal: bool = False) -> Calibration:
    """The calibration seen from ``platforms``; ``ideal`` = every efficiency 1, every overhead 0: the speed of light."""
    file = catalogue.record("calibration", "serving", CalibrationFile).content
    constants = Constants(**file.constants)
    if ideal:
        none = Residuals(ttft=(0, 0), tpot=(0, 0), throughput=(0, 0), rows=0)
        zeros = np.zeros(len(platforms), np.int64)
        # how much of prompts' work hides behind decoding, and how many prompts go together, is no efficiency: it stays as measured
        light = replace(IDEAL, interference=constants.interference, chunk=constants.chunk)
        return Calibration(light, kernel_constants(catalogue, platforms, ideal=True), {}, {}, ("",), zeros, dict.fromkeys(KNOWLEDGE, none), ideal=True)
    families = [architecture.split()[0].lower() if architecture else "" for architecture in platforms.architecture]
    measured_kinds = {"gpu"}
    knowledge = [0 if family in file.families else 1 if kind in measured_kinds else 2 for family, kind in zip(families, platforms.kind, strict=True)]
    engines = ("", *file.engines)
    return Calibration(
        constants,
        kernel_constants(catalogue, platforms),
        _columns([file.families.get(family, {}) for family in families]),
        _columns([{}, *(each.factors for each in file.engines.values())]),
        engines,
        np.array(knowledge),
        dict(file.residuals),
    )


def _columns(rows: list[dict[str, float]]) -> dict[str, Floats]:
    return {name: np.array([row.get(name, 1.0) for row in rows]) for name in sorted({key for row in rows for key in row})}
