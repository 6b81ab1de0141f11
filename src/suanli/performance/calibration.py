"""The deratings: what share of the sheet's numbers is reached. Written by ``scripts/fit_serving.py``, never by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    What an engine makes of kernels measured alone (``performance.kernels``), as multiples of their time: ``products``,
    ``experts_16/8/4`` by bits of their weights, ``attention`` and ``latent`` (decoding), ``prompt_attention``, ``collectives``; ``launch`` of
    their fixed times; ``prompt`` of a whole pass over prompts. Beside them: ``operator_overhead`` an operator (the small kernels around it),
    ``elementwise`` readings of the hidden states a layer and token, ``step_overhead`` a decode step, ``sequence_overhead`` a running sequence
    and step, ``host_sequence`` the host's work for one, hidden behind the chip's while that is longer, ``routing_latency`` a mixture,
    ``all_to_all_latency`` an exchange, ``expert_imbalance`` of the busiest chip, ``routing_spread`` share of the others' routed copies that each
    chip handles, ``routing_evenness`` (see ``formulas.kernels.routed_experts``).
    Load: ``interference`` share of the prompts' work that decoding waits for, ``queue_share`` (``queue_share_equal`` where all lengths
    are equal, so that requests arrive in waves) share of the others' prompts that a prompt waits for, ``admission`` share of a request's
    whole time spent until it is let in, ``reserved`` share of the output for which cache is held from the start, ``chunk`` prompt tokens
    computed together, ``first_token_steps`` decode steps, ``prefill_overhead`` and ``first_prompt`` times the prompt alone before the first
    token; of separate prefill workers ``queue_variability`` (1: exponential times, 0: none) and ``transfer_latency`` of the cache.
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
    queue_variability: Array
    memory_usable: Array


NAMES = tuple(each.name for each in fields(Constants))


class EngineFile(Schema):
    """How an engine (or one version of it) differs from all together: a factor by constant, or ``ttft``/``tpot`` of the whole; from ``rows`` rows."""

    rows: int
    factors: dict[str, float] = {}


class EraFile(Schema):
    """How much longer everything took with the engines up to the end of a year: by engine ("any": those without rows of their own), times
    by where it ran: the chip, else its family, else its vendor, else "other"."""

    rows: int
    engines: dict[str, float]
    places: dict[str, float]


class Residuals(Schema):
    """Quantiles of log(measured / predicted) of rows left out: 10 % and 90 %."""

    ttft: tuple[float, float]
    tpot: tuple[float, float]
    throughput: tuple[float, float]
    rows: int


class CalibrationFile(Schema):
    """``data/calibration/serving.toml``; ``chips`` and ``models`` are those with rows in the fit, ``residuals`` by knowledge and shape."""

    fitted_on: Day
    data_hash: str
    rows: int
    method: str
    chips: tuple[str, ...]
    models: tuple[str, ...]
    constants: dict[str, float]
    families: dict[str, dict[str, float]] = {}
    engines: dict[str, EngineFile] = {}
    eras: dict[str, EraFile] = {}
    residuals: dict[str, dict[str, Residuals]]


#: how well a row is known, best first: its chip and model were measured together with others; its chip's family was; only its class; only its
#: sheet; or its engine is of an era that few rows tell of
KNOWLEDGE = ("measured", "family", "class", "sheet", "era")
#: kinds of deployment whose errors differ: dense models, mixtures of experts, separate prefill workers
SHAPES = ("dense", "mixture", "apart")
FIGURES = ("ttft", "tpot", "throughput")


@dataclass(frozen=True)
class Calibration:
    """Constants of all together, and their factors by platform ``family`` (P,) and by ``engine`` (E,); ``era`` (E, P) multiplies all times.

    Engine 0 is any engine. ``knowledge`` (P,) is an index of ``KNOWLEDGE`` for a model that was measured, ``models`` those that were;
    ``quantiles`` (knowledge, shape, figure, 2) are the 10 % and 90 % quantiles of log(measured / predicted).
    """

    constants: Constants
    kernels: KernelConstants
    family: Mapping[str, Floats]
    engine: Mapping[str, Floats]
    engines: tuple[str, ...]
    era: Floats
    knowledge: Ints
    models: frozenset[str]
    quantiles: Floats
    ideal: bool = False

    def knows(self, framework: str) -> bool:
        """Whether an engine of that name was measured, in any version."""
        return self.engine_code(framework) > 0

    def engine_code(self, framework: str, on: str = "") -> int:
        """The row of ``"vllm 0.12.0"`` as used on a day: its era's where the day lies in one, else the version's, else the engine's, else 0 (any)."""
        words = framework.strip().lower().replace("tensorrt-llm", "trtllm").split()
        name = words[0] if words else ANY
        era = next((each for each in ERAS if on and on[: len(each)] <= each), "")
        tries = [f"{name} {era}", f"{ANY} {era}"] if era else []
        for each in (*tries, " ".join(words), name if words else ""):
            if each in self.engines:
                return self.engines.index(each)
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

    def slower(self, figure: str, platform: Ints, engine: Ints) -> Floats:
        """What the time ``ttft`` or ``tpot`` of each row is multiplied by for its engine's version and era (N,)."""
        era = self.era[engine, platform]
        return era * self.engine[figure][engine] if figure in self.engine else era

    def level(self, model: str, platform: Ints, engine: Ints) -> Ints:
        """How well each row is known (N,), an index of ``KNOWLEDGE``."""
        known = self.knowledge[platform]
        if model not in self.models:
            known = np.maximum(known, KNOWLEDGE.index("family"))
        aged = np.array([name.split(" ")[-1] in ERAS for name in self.engines])[engine]
        return np.where(aged, KNOWLEDGE.index("era"), known)


#: last year of each era of engines that has factors of its own, and the name of an engine without rows in it
ERAS = ("2024",)
ANY = "any"

_NO_COST = (
    "launch operator_overhead elementwise step_overhead host_sequence sequence_overhead routing_latency all_to_all_latency routing_spread "
    "exposed_communication queue_share queue_share_equal admission prefill_overhead first_token_steps transfer_latency"
)
#: every efficiency 1, every overhead 0: the speed of light
IDEAL = Constants(**(dict.fromkeys(NAMES, 1.0) | dict.fromkeys(_NO_COST.split(), 0.0)))


def load_calibration(catalogue: Catalogue, platforms: Platforms, *, ideal: bool = False) -> Calibration:
    """The calibration seen from ``platforms``; ``ideal`` = every efficiency 1, every overhead 0: the speed of light."""
    file = catalogue.record("calibration", "serving", CalibrationFile).content
    constants = Constants(**file.constants)
    shape = (len(KNOWLEDGE), len(SHAPES), len(FIGURES), 2)
    if ideal:
        # how much of the prompts' work hides behind decoding and how many go together is no efficiency: as measured; cache is held as it fills
        light = replace(IDEAL, interference=constants.interference, chunk=constants.chunk, reserved=0.5)
        kernels, zeros = kernel_constants(catalogue, platforms, ideal=True), np.zeros(len(platforms), np.int64)
        return Calibration(light, kernels, {}, {}, ("",), np.ones((1, len(platforms))), zeros, frozenset(), np.zeros(shape), ideal=True)
    families = [architecture.split()[0].lower() if architecture else "" for architecture in platforms.architecture]
    measured_kinds = {"gpu"}
    knowledge = [
        0 if chip in file.chips else 1 if family in file.families else 2 if kind in measured_kinds else 3
        for chip, family, kind in zip(platforms.chip, families, platforms.kind, strict=True)
    ]
    aged = [(f"{name} {era}", name) for era, each in file.eras.items() for name in each.engines]
    engines: dict[str, Mapping[str, float]] = {"": {}} | {name: each.factors for name, each in file.engines.items()}
    engines |= {title: engines.get(name, {}) for title, name in aged}
    era = np.ones((len(engines), len(platforms)))
    for year, each in file.eras.items():
        places = [_first(each.places, chip, family, chip.split("-")[0], "other") for chip, family in zip(platforms.chip, families, strict=True)]
        for name, factor in each.engines.items():
            era[list(engines).index(f"{name} {year}")] = factor * np.array(places)
    quantiles = [[[getattr(file.residuals[known][kind], figure) for figure in FIGURES] for kind in SHAPES] for known in KNOWLEDGE]
    return Calibration(
        constants,
        kernel_constants(catalogue, platforms),
        _columns([file.families.get(family, {}) for family in families]),
        _columns(list(engines.values())),
        tuple(engines),
        era,
        np.array(knowledge),
        frozenset(file.models),
        np.array(quantiles).reshape(shape),
    )


def _first(table: Mapping[str, float], *names: str) -> float:
    return next((table[name] for name in names if name in table), 1.0)


def _columns(rows: Sequence[Mapping[str, float]]) -> dict[str, Floats]:
    return {name: np.array([row.get(name, 1.0) for row in rows]) for name in sorted({key for row in rows for key in row})}
