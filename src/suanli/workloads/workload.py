"""One workload of the catalogue: what is known of real or claimed traffic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import Field, model_validator

from suanli.facts import Catalogue, Fact, Record, Schema
from suanli.facts.reader import Name, SourceFile, quantity
from suanli.workloads.lengths import Lengths


class LengthQuantile(Schema):
    """One point of a distribution: a share ``probability`` of the requests is at most ``length`` long."""

    probability: float = Field(ge=0, le=1)
    length: quantity("token")  # type: ignore[valid-type]


class LengthFile(Schema):
    """A distribution of lengths; without ``quantile`` every request has the mean."""

    mean: quantity("token")  # type: ignore[valid-type]
    quantile: tuple[LengthQuantile, ...] = ()

    @model_validator(mode="after")
    def _ascending(self) -> LengthFile:
        probabilities = [each.probability for each in self.quantile]
        lengths = [each.length.value for each in self.quantile]
        if probabilities != sorted(set(probabilities)):
            raise ValueError("the probabilities do not ascend")
        if lengths != sorted(lengths):
            raise ValueError("the quantiles do not ascend")
        return self


class Arrivals(Schema):
    """``burstiness``: the coefficient of variation of the times between arrivals (Poisson = 1), ``peak_to_mean`` of the rate per minute."""

    burstiness: quantity("1") | None = None  # type: ignore[valid-type]
    peak_to_mean: quantity("1") | None = None  # type: ignore[valid-type]


class Joint(Schema):
    """How input and output lengths go together; the mean output of each quarter of the requests, by input length."""

    pearson: quantity("1") | None = None  # type: ignore[valid-type]
    spearman: quantity("1") | None = None  # type: ignore[valid-type]
    output_by_input_quarter: tuple[quantity("token"), ...] = ()  # type: ignore[valid-type]


class Prefix(Schema):
    """``hit`` is the share of prompt blocks seen before in the trace: what a prefix cache without limit would save."""

    hit: quantity("1") | None = None  # type: ignore[valid-type]


class Service(Schema):
    """Latency targets to use where the user gives none."""

    ttft: quantity("second") | None = None  # type: ignore[valid-type]
    tpot: quantity("second") | None = None  # type: ignore[valid-type]


class Published(Schema):
    """What somebody has published that this workload needs: ``chips`` of kind ``chip``, to be shown beside our answer."""

    chips: quantity("1")  # type: ignore[valid-type]
    chip: Name


class WorkloadFile(Schema):
    """``data/workloads/<id>.toml``."""

    id: Name
    name: str
    name_zh: str
    aliases: tuple[str, ...] = ()
    note: str = ""
    kv_precision: str = Field(default="", pattern=r"^(|bf16|fp16|fp8|int8|fp4|int4)$")
    sources: dict[str, SourceFile]
    requests: quantity("1") | None = None  # type: ignore[valid-type]
    rate: quantity("hertz") | None = None  # type: ignore[valid-type]
    duty: quantity("1") | None = None  # type: ignore[valid-type]
    mean_context: quantity("token") | None = None  # type: ignore[valid-type]
    input_length: LengthFile
    output_length: LengthFile
    arrivals: Arrivals = Arrivals()
    joint: Joint = Joint()
    prefix: Prefix = Prefix()
    slo: Service = Service()
    published: Published | None = None


@dataclass(frozen=True)
class Workload:
    """A frozen view of one workload in SI; NaN where unknown. Change any part with ``dataclasses.replace``.

    ``rate`` [1/s] requests; ``mean_context`` [tokens] the mean length of what a generated token attends to; ``duty`` the share of the
    time the fleet is busy; ``kv_precision`` blank where the source does not say; ``ttft`` and ``tpot`` [s] default targets;
    ``published_chips`` of ``published_chip`` is the number somebody has published for
    it; ``correlation`` Spearman's rank correlation of input and output length; ``prefix_hit`` the reusable share of the prompt.
    """

    id: str
    name: str
    name_zh: str
    aliases: tuple[str, ...]
    note: str
    rate: float
    input_length: Lengths
    output_length: Lengths
    mean_context: float = math.nan
    duty: float = math.nan
    kv_precision: str = ""
    ttft: float = math.nan
    tpot: float = math.nan
    burstiness: float = math.nan
    peak_to_mean: float = math.nan
    correlation: float = math.nan
    prefix_hit: float = math.nan
    published_chips: float = math.nan
    published_chip: str = ""
    own: bool = False
    facts: Mapping[str, Fact] = field(default_factory=dict, repr=False, compare=False)

    def fact(self, key: str) -> Fact | None:
        """The fact behind a number: ``rate``, ``input_length.mean``, ``output_length.quantile.3.length``, ``arrivals.burstiness`` ..."""
        return self.facts.get(key)


def workload_of(record: Record[WorkloadFile]) -> Workload:
    """The view of one record."""
    file, facts = record.content, record.facts

    def value(key: str) -> float:
        return facts[key].value if key in facts else math.nan

    def lengths(key: str, part: LengthFile) -> Lengths:
        mean = value(f"{key}.mean")
        if not part.quantile:
            return Lengths.constant(mean)
        values = tuple(value(f"{key}.quantile.{index}.length") for index in range(len(part.quantile)))
        return Lengths(mean, tuple(each.probability for each in part.quantile), values)

    return Workload(
        id=file.id, name=file.name, name_zh=file.name_zh, aliases=file.aliases, note=file.note, rate=value("rate"),
        input_length=lengths("input_length", file.input_length), output_length=lengths("output_length", file.output_length),
        mean_context=value("mean_context"), duty=value("duty"), kv_precision=file.kv_precision, ttft=value("slo.ttft"),
        tpot=value("slo.tpot"), burstiness=value("arrivals.burstiness"), peak_to_mean=value("arrivals.peak_to_mean"),
        correlation=value("joint.spearman"), prefix_hit=value("prefix.hit"), published_chips=value("published.chips"),
        published_chip=file.published.chip if file.published else "", own=record.own, facts=facts,
    )  # fmt: skip


def load_workloads(catalogue: Catalogue) -> dict[str, Workload]:
    """Every workload by id."""
    return {name: workload_of(record) for name, record in catalogue.records("workloads", WorkloadFile).items()}
