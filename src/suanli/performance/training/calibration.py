"""What training reaches of measured kernels and of the links: ``data/calibration/training.toml``, written by ``scripts/fit_training.py``, never by hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from suanli.facts import Catalogue, Schema
from suanli.facts.reader import Day
from suanli.formulas.arrays import Array
from suanli.hardware import Platforms
from suanli.models import Model
from suanli.performance.calibration import factor_columns
from suanli.performance.kernels import KernelConstants, kernel_constants
from suanli.performance.training.stacks import stack_name, stack_version

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Constants:
    """The constants of the training model, numbers or one a row; times in seconds.

    Multiples of the time of kernels measured alone: ``products_16``, ``products_8``, ``products_4`` by bits of the linear layers (long runs of large
    products draw more power than a chip may hold), ``experts`` and, where narrow, ``experts_8`` on top, ``attention``, ``attention_backward`` (on 2.5 times
    the forward's operations), ``quantise`` (passes that narrow a product's inputs). ``expert_width``: width at which experts run at half the rate;
    ``routing_bytes`` moved an element of each copy of a token; ``score_passes``: times attention that is not fused reads or writes its scores in a forward
    pass; ``elementwise``: readings of the hidden states a layer and token, ``norm`` those that only sequence parallelism divides. The host's time to launch
    a layer's kernels (``host_layer``) and a mixture's (``host_mixture``), hidden while the chip is slower; ``routing_overhead`` a mixture and pass,
    ``micro_batch_overhead``, ``step_overhead``. Links: ``link`` and ``fabric`` share of the sheet's rate beyond what kernels measured alone show,
    ``exchange`` of that where all send to all; ``copies_sent`` 1: each copy of a token crosses the fabric, 0: one a scale-up domain. Shares of exchanges
    that no other work hides: ``tensor_exposed``, ``context_exposed``, ``experts_exposed``, ``pipeline_exposed``, ``data_exposed``, ``parameters_exposed``
    (fully sharded parameters). ``update``: multiple of the time the update's traffic takes. ``straggling``: longer step a doubling of the chips beyond
    eight. ``expert_imbalance`` of the busiest chip. ``adapters``: longer passes with adapters. ``whole``: of everything (stacks, families).
    """

    products_16: Array
    products_8: Array
    products_4: Array
    experts: Array
    experts_8: Array
    expert_width: Array
    routing_bytes: Array
    attention: Array
    attention_backward: Array
    quantise: Array
    score_passes: Array
    elementwise: Array
    norm: Array
    host_layer: Array
    host_mixture: Array
    routing_overhead: Array
    micro_batch_overhead: Array
    step_overhead: Array
    link: Array
    fabric: Array
    exchange: Array
    copies_sent: Array
    tensor_exposed: Array
    context_exposed: Array
    experts_exposed: Array
    pipeline_exposed: Array
    data_exposed: Array
    parameters_exposed: Array
    update: Array
    straggling: Array
    expert_imbalance: Array
    adapters: Array
    whole: Array


NAMES = tuple(each.name for each in fields(Constants))

_NO_COST = (
    "copies_sent expert_width routing_bytes quantise score_passes elementwise norm host_layer host_mixture routing_overhead micro_batch_overhead step_overhead "
    "tensor_exposed context_exposed experts_exposed pipeline_exposed data_exposed parameters_exposed straggling adapters"
)
#: every efficiency 1, every overhead 0, every exchange hidden where other work is long enough: the speed of light
IDEAL = Constants(**(dict.fromkeys(NAMES, 1.0) | dict.fromkeys(_NO_COST.split(), 0.0)))


class StackFile(Schema):
    """How a software stack (or one version of it) differs from all together: a factor by constant; from ``rows`` rows."""

    rows: int
    factors: dict[str, float] = {}


class EffectFile(Schema):
    """How much longer a step takes than the constants say, where it was measured: log factor of what blank and zero fields leave open. The effects
    that apply to a row add up (a mixed model: each is drawn to 0 the more, the fewer rows it rests on)."""

    model: str = ""
    chip: str = ""
    precision: str = ""
    stack: str = ""
    method: str = "full"
    tp: int = 0
    pp: int = 0
    cp: int = 0
    ep: int = 0
    length: int = 0
    rows: int
    log_factor: float

    @property
    def whole(self) -> bool:
        """Whether it is of one model on one chip."""
        return bool(self.model and self.chip)


class Residuals(Schema):
    """Quantiles of log(measured / predicted) step time of rows left out, 10 % and 90 %, and how many there were."""

    quantiles: tuple[float, float]
    rows: int


class TrainingFile(Schema):
    """The file: ``chips`` and ``known_families`` with enough rows to count as measured; ``constants``; factors of chip ``families`` and software ``stacks``
    by constant; of everything by ``vendors``, chip (``own``) and ``pairs`` of stack and family; ``effects`` of measured runs; ``evaluation`` time over
    training time of MLPerf's benchmarks; ``residuals`` by knowledge and shape."""

    fitted_on: Day
    data_hash: tuple[str, ...]
    rows: int
    method: str
    chips: tuple[str, ...]
    known_families: tuple[str, ...]
    constants: dict[str, float]
    families: dict[str, dict[str, float]]
    stacks: dict[str, StackFile]
    vendors: dict[str, float]
    own: dict[str, float]
    pairs: dict[str, dict[str, float]]
    effects: tuple[EffectFile, ...] = ()
    evaluation: dict[str, float] = {}
    residuals: dict[str, dict[str, Residuals]]


#: how well a row is known, best first: its model was measured on its chip and stack; its chip was; its chip's family; its chip's class; only the sheet
KNOWLEDGE = ("measured", "chip", "family", "class", "sheet")
#: kinds of model whose errors differ
SHAPES = ("dense", "mixture")


def shape_of(model: Model) -> int:
    """Index of ``SHAPES``."""
    return int(any(op.kind == "experts" for op in model.ops))


@dataclass(frozen=True)
class TrainingCalibration:
    """Constants of all together, and their factors by platform ``family`` (P,) and by ``stack`` (stacks,); stack 0 is any. ``pair`` (stacks, P) of
    everything: a stack on a family of chips.

    ``knowledge`` (P,) index of ``KNOWLEDGE`` of a chip whatever the model; ``effects`` see ``EffectFile``; ``quantiles`` (knowledge, shape, 2) of
    log(measured / predicted).
    """

    constants: Constants
    kernels: KernelConstants
    family: Mapping[str, Floats]
    stack: Mapping[str, Floats]
    pair: Floats
    stacks: tuple[str, ...]
    knowledge: Ints
    effects: tuple[EffectFile, ...]
    quantiles: Floats
    ideal: bool = False

    def stack_code(self, framework: str) -> int:
        """The row of ``"Megatron-Bridge/NeMo 26.04"``: the version's where it was measured, else the stack's, else 0 (any)."""
        for each in (stack_version(framework), stack_name(framework)):
            if each in self.stacks:
                return self.stacks.index(each)
        return 0

    def at(self, platform: Ints, stack: Ints) -> Constants:
        """The constants row by row (N,): all together, times the factors of the platform's family and of the stack; shares stay below 1."""
        changed = {}
        for name in {*self.family, *self.stack}:
            value = getattr(self.constants, name)
            for table, row in ((self.family, platform), (self.stack, stack)):
                if name in table:
                    value = value * table[name][row]
            changed[name] = np.minimum(value, 1.0) if name.endswith("_exposed") else value
        changed["whole"] = np.asarray(changed.get("whole", self.constants.whole)) * self.pair[stack, platform]
        return replace(self.constants, **changed)


def load_training_calibration(catalogue: Catalogue, platforms: Platforms, *, ideal: bool = False) -> TrainingCalibration:
    """The calibration seen from ``platforms``; ``ideal``: every efficiency 1, every overhead 0, exchanges hidden where they can be."""
    file = catalogue.record("calibration", "training", TrainingFile).content
    count = len(platforms)
    if ideal:
        kernels, known = kernel_constants(catalogue, platforms, ideal=True), np.zeros(count, np.int64)
        return TrainingCalibration(IDEAL, kernels, {}, {}, np.ones((1, count)), ("",), known, (), np.zeros((len(KNOWLEDGE), len(SHAPES), 2)), ideal=True)
    stacks: dict[str, Mapping[str, float]] = {"": {}} | {name: each.factors for name, each in file.stacks.items()}
    whole = np.array(
        [file.vendors.get(vendor, file.vendors["other"]) * file.own.get(chip, 1.0) for vendor, chip in zip(platforms.vendor, platforms.chip, strict=True)]
    )
    family = factor_columns([file.families.get(name, {}) for name in platforms.family])
    family["whole"] = family.get("whole", np.ones(count)) * whole
    pair = np.array([[file.pairs.get(name.split(" ")[0], {}).get(each, 1.0) for each in platforms.family] for name in stacks])
    return TrainingCalibration(
        Constants(**file.constants),
        kernel_constants(catalogue, platforms),
        family,
        factor_columns(list(stacks.values())),
        pair,
        tuple(stacks),
        knowledge_of(platforms, file.chips, file.known_families),
        tuple(each for each in file.effects if each.chip in ("", *platforms.chip)),
        np.array([[file.residuals[name][shape].quantiles for shape in SHAPES] for name in KNOWLEDGE]),
    )


def knowledge_of(platforms: Platforms, chips: Collection[str], families: Collection[str]) -> Ints:
    """(P,): index of ``KNOWLEDGE``, given the chips and chip families that were measured often enough."""
    kinds = {kind for kind, chip in zip(platforms.kind, platforms.chip, strict=True) if chip in chips}
    levels = [
        "chip" if chip in chips else "family" if family in families else "class" if kind in kinds or kind == "gpu" else "sheet"
        for chip, family, kind in zip(platforms.chip, platforms.family, platforms.kind, strict=True)
    ]
    return np.array([KNOWLEDGE.index(each) for each in levels], dtype=np.int64)
