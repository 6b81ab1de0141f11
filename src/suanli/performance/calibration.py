"""The deratings: what share of the sheet's numbers is reached. Written by ``scripts/fit_serving.py``, never by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from suanli.facts import Catalogue, Schema
from suanli.facts.reader import Day
from suanli.formulas.arrays import Array
from suanli.hardware import Platforms, vendor_of
from suanli.performance.engines import engine_name, engine_version
from suanli.performance.kernels import KernelConstants, kernel_constants
from suanli.performance.precision import SCHEMES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Constants:
    """The constants of the serving model, numbers or one a row; names are physical, times in seconds.

    What an engine makes of kernels measured alone (``performance.kernels``), as multiples of their time: ``products``, ``experts_16/8/4`` by
    bits of their weights, ``attention`` and ``latent`` (decoding), ``prompt_attention``, ``collectives``; ``launch`` of their fixed times;
    ``prompt`` of a whole pass over prompts, and ``eager`` of its fixed times once more. Beside them: ``operator_overhead`` an operator (the
    small kernels around it), ``elementwise`` readings of the hidden states a layer and token, ``step_overhead`` a decode step,
    ``sequence_overhead`` a running sequence and step, ``host_sequence`` the host's work for one, hidden behind the chip's while that is longer,
    ``routing_latency`` a mixture, ``all_to_all_latency`` an exchange, ``expert_imbalance`` of the busiest chip, ``routing_spread`` share of the
    others' routed copies that each chip handles, ``routing_evenness`` (see ``formulas.kernels.routed_experts``).
    Load: ``interference`` share of the prompts' work that decoding waits for, ``queue_share`` (``queue_share_equal`` where all lengths
    are equal, so that requests arrive in waves) share of the others' prompts that a prompt waits for, ``admission`` share of a request's
    whole time spent until it is let in, ``reserved`` share of the output for which cache is held from the start, ``chunk`` prompt tokens
    computed together, ``first_token_steps`` decode steps, ``prefill_overhead`` and ``first_prompt`` times the prompt alone before the first
    token; of separate prefill workers ``queue_variability`` (1: exponential times, 0: none) and ``transfer_latency`` of the cache.
    Memory: ``memory_usable`` share of a chip's, ``cache_share`` of what the weights leave that an engine gives to the cache.
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
    eager: Array
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
    cache_share: Array


NAMES = tuple(each.name for each in fields(Constants))


class EngineFile(Schema):
    """How an engine (or one version of it) differs from all together: a factor by constant, or ``ttft``/``tpot`` of the whole; from ``rows`` rows."""

    rows: int
    factors: dict[str, float] = {}


class DeploymentFile(Schema):
    """How much longer than the constants say a model takes on a chip, as measured: at a precision, on separate prefill workers or not, with an
    engine (one version, all versions, or "" all engines); each drawn to the wider one's, from ``rows`` rows."""

    model: str
    chip: str
    precision: str
    apart: bool
    engine: str
    rows: int
    ttft: float
    tpot: float


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
    """``data/calibration/serving.toml``; ``chips`` and ``models`` are those with rows in the fit, ``places``
    how much longer everything takes by chip, family or vendor outside them, ``residuals`` by knowledge and shape."""

    fitted_on: Day
    data_hash: str
    rows: int
    method: str
    chips: tuple[str, ...]
    models: tuple[str, ...]
    constants: dict[str, float]
    families: dict[str, dict[str, float]] = {}
    engines: dict[str, EngineFile] = {}
    places: dict[str, float] = {}
    deployments: tuple[DeploymentFile, ...] = ()
    eras: dict[str, EraFile] = {}
    residuals: dict[str, dict[str, Residuals]]


#: how well a row is known, best first: its model was measured on its chip at its precision; its chip's family was measured; only its class;
#: only its sheet is known; or its engine is of an era that few rows tell of
KNOWLEDGE = ("measured", "family", "class", "sheet", "era")
#: kinds of deployment whose errors differ: dense models, mixtures of experts, separate prefill workers
SHAPES = ("dense", "mixture", "apart")
FIGURES = ("ttft", "tpot", "throughput")


@dataclass(frozen=True)
class Calibration:
    """Constants of all together, and their factors by platform ``family`` (P,) and by ``engine`` (E,); ``era`` (E, P) multiplies all times.

    Engine 0 is any engine. ``knowledge`` (P,) is an index of ``KNOWLEDGE`` of a chip whatever the model. ``deployments`` by model
    (E, slots, schemes, 2, 2): factors of ``ttft`` and ``tpot`` (last axis) at a precision, apart or not, on the measured chips, NaN where
    none was measured; ``slot`` (P,) is a platform's place in them, 0 for none. ``quantiles`` (knowledge, shape, figure, 2) are the 10 % and
    90 % quantiles of log(measured / predicted).
    """

    constants: Constants
    kernels: KernelConstants
    family: Mapping[str, Floats]
    engine: Mapping[str, Floats]
    engines: tuple[str, ...]
    era: Floats
    knowledge: Ints
    slot: Ints
    deployments: Mapping[str, Floats]
    quantiles: Floats
    ideal: bool = False

    def knows(self, framework: str) -> bool:
        """Whether an engine of that name was measured, in any version."""
        return self.engine_code(framework) > 0

    def engine_code(self, framework: str, on: str = "") -> int:
        """The row of ``"vllm 0.12.0"`` as used on a day: its era's where the day lies in one, else the version's, else the engine's, else 0 (any)."""
        version, engine = engine_version(framework), engine_name(framework)
        name = engine or ANY
        era = next((each for each in ERAS if on and on[: len(each)] <= each), "")
        tries = [f"{name} {era}", f"{ANY} {era}"] if era else []
        for each in (*tries, version, engine):
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
        """What the time ``ttft`` or ``tpot`` of each row is multiplied by for its engine's version and era, and its place (N,)."""
        era = self.era[engine, platform]
        return era * self.engine[figure][engine] if figure in self.engine else era

    def deployed(self, model: str, platform: Ints, engine: Ints, scheme: Ints, apart: NDArray[np.bool_]) -> Floats:
        """(N, 2) factors of TTFT and TPOT of deployments that were measured, NaN where none was."""
        if model not in self.deployments:
            return np.full((len(platform), 2), np.nan)
        return self.deployments[model][engine, self.slot[platform], scheme, apart.astype(np.int64)]

    def level(self, platform: Ints, engine: Ints, measured: NDArray[np.bool_]) -> Ints:
        """How well each row is known (N,), an index of ``KNOWLEDGE``."""
        aged = np.array([_aged(name) for name in self.engines])[engine]
        known = np.where(measured, KNOWLEDGE.index("measured"), self.knowledge[platform])
        return np.where(aged, KNOWLEDGE.index("era"), known)


def _aged(engine: str) -> bool:
    return engine.split(" ")[-1] in ERAS


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
        return Calibration(light, kernels, {}, {}, ("",), np.ones((1, len(platforms))), zeros, zeros, {}, np.zeros(shape), ideal=True)
    # another vendor's chip is of a measured class only where some chip of that vendor was measured: software differs more than silicon
    measured_kinds, vendors = {"gpu"}, {vendor_of(name) for name in file.chips} | set(file.places)
    knowledge = [
        KNOWLEDGE.index("family" if family in file.families else "class" if kind in measured_kinds and vendor in vendors else "sheet")
        for family, vendor, kind in zip(platforms.family, platforms.vendor, platforms.kind, strict=True)
    ]
    aged = [(f"{name} {era}", name) for era, each in file.eras.items() for name in each.engines]
    engines: dict[str, Mapping[str, float]] = {"": {}} | {name: each.factors for name, each in file.engines.items()}
    engines |= {title: engines.get(name, {}) for title, name in aged}
    names = list(zip(platforms.chip, platforms.family, platforms.vendor, ("other",) * len(platforms), strict=True))
    era = np.tile([_first(file.places, *each) for each in names], (len(engines), 1))
    for year, aged_file in file.eras.items():
        places = np.array([_first(aged_file.places, *each) for each in names])
        for name, factor in aged_file.engines.items():
            era[list(engines).index(f"{name} {year}")] = factor * places
    quantiles = [[[getattr(file.residuals[known][kind], figure) for figure in FIGURES] for kind in SHAPES] for known in KNOWLEDGE]
    return Calibration(
        constants,
        kernel_constants(catalogue, platforms),
        factor_columns([file.families.get(family, {}) for family in platforms.family]),
        factor_columns(list(engines.values())),
        tuple(engines),
        era,
        np.array(knowledge),
        np.array([file.chips.index(chip) + 1 if chip in file.chips else 0 for chip in platforms.chip]),
        {name: _deployments(file, name, tuple(engines)) for name in file.models},
        np.array(quantiles).reshape(shape),
    )


def _deployments(file: CalibrationFile, model: str, engines: Sequence[str]) -> Floats:
    """(E, slots, schemes, 2, 2) factors of one model: of the version, else of the engine, else of all engines; NaN where none was measured."""
    table = np.full((len(engines), len(file.chips) + 1, len(SCHEMES), 2, 2), np.nan)
    for each in sorted((each for each in file.deployments if each.model == model), key=lambda each: len(each.engine.split())):
        rows = [row for row, name in enumerate(engines) if not _aged(name) and each.engine in ("", name, name.split(" ")[0])]
        table[rows, file.chips.index(each.chip) + 1, SCHEMES.index(each.precision), int(each.apart)] = each.ttft, each.tpot
    return table


def _first(table: Mapping[str, float], *names: str) -> float:
    return next((table[name] for name in names if name in table), 1.0)


def factor_columns(rows: Sequence[Mapping[str, float]]) -> dict[str, Floats]:
    """Factors by name, one a row, 1 where a row has none."""
    return {name: np.array([row.get(name, 1.0) for row in rows]) for name in sorted({key for row in rows for key in row})}
