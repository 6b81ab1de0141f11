"""The arithmetic behind one estimate, line by line, from the numbers of its replay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from suanli.models import Model
from suanli.performance.explain import Explanation
from suanli.performance.step import Line as OpLine
from suanli.planning import Ask, Option
from suanli.reporting.amounts import cell
from suanli.reporting.document import Block, Heading, Line, Report, Table, report, table
from suanli.reporting.tongue import Tongue
from suanli.units import show


@dataclass(frozen=True)
class Replica:
    """What is explained: ``chips`` of one replica cut ``tp`` x ``pp`` x ``dp`` ways under ``concurrency`` requests."""

    model: Model
    chip: str
    precision: str
    tp: float
    pp: float
    dp: float
    concurrency: float
    input_length: float
    output_length: float
    accepted: float = 1.0

    @property
    def chips(self) -> float:
        return self.tp * self.pp * self.dp


def explain_report(replica: Replica, explanation: Explanation, say: Tongue, after: list[str] | None = None) -> Report:
    """Numbered lines from memory to the rate of a replica (and ``after`` them, of the fleet), then the operators of a step and of a prompt."""
    lines = [*_memory(replica, explanation, say), *_step(replica, explanation, say), *_load(replica, explanation, say), *(after or [])]
    numbered = [Line(text, f"{number:>2}.") for number, text in enumerate(lines, 1)]
    parts: list[Block] = [
        Heading(say("reporting.explain.heading", chip=replica.chip, precision=replica.precision, chips=cell(replica.chips))),
        *numbered,
    ]
    parts += [Heading(say("reporting.explain.decode_table")), ops_table(explanation.decode_lines, say)]
    if replica.input_length > 0:
        parts += [
            Heading(say("reporting.explain.prefill_table", tokens=cell(replica.input_length))),
            ops_table(explanation.prefill_lines, say),
        ]
    return report(parts)


def _memory(r: Replica, e: Explanation, say: Tongue) -> list[str]:
    ranks = r.tp * r.pp
    return [
        say(
            "reporting.explain.memory",
            chips=cell(r.chips),
            each=show(e.capacity, "byte"),
            total=show(e.capacity * r.chips, "byte"),
            usable=cell(e.usable, digits=3),
        ),
        say(
            "reporting.explain.weights",
            precision=r.precision,
            total=show(e.weight_bytes * r.chips, "byte", 4),
            each=show(e.weight_bytes, "byte", 4),
        ),
        say(
            "reporting.explain.cache",
            context=cell(e.context),
            token=show(e.cache_bytes_per_sequence * ranks / e.context, "byte"),
            total=show(e.cache_bytes_per_sequence * ranks, "byte"),
        ),
        say(
            "reporting.explain.fits",
            total=show(e.capacity * r.chips, "byte"),
            usable=cell(e.usable),
            weights=show(e.weight_bytes * r.chips, "byte", 4),
            cache=show(e.held_bytes_per_sequence * ranks, "byte"),
            fits=cell(e.fits, digits=4),
            asked=cell(r.concurrency),
            running=cell(e.running),
        ),
    ]


def _step(r: Replica, e: Explanation, say: Tongue) -> list[str]:
    def ms(values: Any) -> str:
        return cell(float(np.ravel(values)[0]), 1e-3, 3)

    total_bandwidth = e.achieved_bandwidth * r.chips
    lines = [
        say(
            "reporting.explain.bandwidth",
            chips=cell(r.chips),
            each=show(e.bandwidth, "byte/s", 4),
            share=cell(e.achieved_bandwidth / e.bandwidth),
            total=show(total_bandwidth, "byte/s"),
        )
    ]
    weights, cache = e.weight_bytes * r.chips, e.cache_bytes_per_sequence * r.tp * r.pp
    whole = not any(op.kind == "experts" for op in r.model.ops)
    if whole and r.pp == 1 and r.dp == 1:
        floor = (weights + e.running * cache) / total_bandwidth
        lines.append(
            say(
                "reporting.explain.floor",
                weights=show(weights, "byte", 4),
                batch=cell(e.running),
                cache=show(cache, "byte"),
                bandwidth=show(total_bandwidth, "byte/s"),
                ms=cell(floor, 1e-3),
            )
        )
    ops = sum(float(np.ravel(line.total)[0]) for line in e.decode_lines)
    step = float(np.ravel(e.estimate.step_time)[0])
    lines.append(
        say(
            "reporting.explain.pass",
            memory=ms(e.decode.memory),
            compute=ms(e.decode.compute),
            ops=cell(ops, 1e-3),
            communication=ms(e.decode.communication),
            overhead=ms(e.decode.overhead),
            total=ms(e.decode.total),
        )
    )
    lines.append(
        say(
            "reporting.explain.step",
            total=ms(e.decode.total),
            engine=cell(max(step - float(np.ravel(e.decode.total)[0]), 0), 1e-3),
            step=cell(step, 1e-3),
        )
    )
    return lines


def _load(r: Replica, e: Explanation, say: Tongue) -> list[str]:
    estimate = e.estimate
    ttft, tpot, rate = (float(values[1, 0]) for values in (estimate.ttft, estimate.tpot, estimate.tokens_rate))
    lines = []
    if r.input_length > 0:
        lines.append(say("reporting.explain.prefill", tokens=cell(r.input_length), ms=cell(float(np.ravel(e.prefill.total)[0]), 1e-3)))
    lines.append(say("reporting.explain.tpot", ms=cell(tpot, 1e-3), step=cell(float(np.ravel(estimate.step_time)[0]), 1e-3)))
    if (e.slower_ttft, e.slower_tpot) != (1.0, 1.0):
        lines.append(say("reporting.explain.slower", ttft=cell(e.slower_ttft), tpot=cell(e.slower_tpot)))
    lines.append(say("reporting.explain.ttft", ttft=cell(ttft, 1e-3)))
    lines.append(
        say(
            "reporting.explain.rate",
            concurrency=cell(r.concurrency),
            output=cell(r.output_length),
            ttft=cell(ttft, digits=3),
            tpot=cell(tpot, 1e-3),
            rate=cell(rate, digits=4),
        )
    )
    return lines


def ops_table(lines: tuple[OpLine, ...], say: Tongue) -> Table:
    """One row an operator: how often, arithmetic and memory time of one application, what bounds it, the time of all."""
    total = sum(float(np.ravel(line.total)[0]) for line in lines)
    rows = []
    for line in lines:
        flop, moved, whole = (float(np.ravel(each)[0]) for each in (line.flop_time, line.byte_time, line.total))
        bound = "compute" if flop > moved else "memory"
        rows.append(
            (
                line.name,
                cell(line.count),
                cell(flop, 1e-6),
                cell(moved, 1e-6),
                say(f"reporting.bound.{bound}"),
                cell(whole, 1e-3),
                cell(whole / total, 0.01, 2) if total else "",
            )
        )
    columns = [
        (say("reporting.column.op"), "id"),
        (say("reporting.column.times"), "number"),
        (say("reporting.column.compute_us"), "number"),
        (say("reporting.column.memory_us"), "number"),
        (say("reporting.column.bound"), "text"),
        (say("reporting.column.all_ms"), "number"),
        ("%", "number"),
    ]
    return table(columns, rows)  # type: ignore[arg-type]


def fleet_lines(ask: Ask, option: Option, rate: float, currency: str, currency_rate: float, say: Tongue) -> list[str]:
    """From one replica's rate to the fleet and its cost."""
    tokens = ask.rate * ask.output_length
    size = option.chips.mid / option.replicas.mid
    hourly = option.cost_per_hour.mid * currency_rate
    key = "reporting.explain.replicas_ideal" if ask.ideal else "reporting.explain.replicas"
    return [
        say(
            "reporting.explain.demand",
            rate=cell(ask.rate),
            output=cell(ask.output_length),
            tokens=cell(tokens, digits=4),
            peak=cell(ask.peak_to_mean),
            duty=cell(ask.duty, 0.01),
        ),
        say(
            key,
            tokens=cell(tokens, digits=4),
            rate=cell(rate, digits=4),
            peak=cell(ask.peak_to_mean),
            duty=cell(ask.duty),
            full=cell(tokens * ask.peak_to_mean / rate / ask.duty, digits=6),
            replicas=cell(option.replicas.mid),
        ),
        say(
            "reporting.explain.chips" if option.chips.mid == option.replicas.mid * size else "reporting.explain.chips_whole",
            replicas=cell(option.replicas.mid),
            size=cell(size),
            chips=cell(option.chips.mid),
        ),
        say(
            "reporting.explain.cost",
            chips=cell(option.chips.mid),
            each=cell(hourly / option.chips.mid),
            hourly=cell(hourly),
            currency=currency,
            acquire=f"@reporting.acquire.{ask.acquire}",
            million=cell(tokens * 3600 / 1e6, digits=4),
            cost=cell(option.cost_per_million.mid * currency_rate),
        ),
    ]


def of_option(ask: Ask, option: Option) -> Replica:
    """The replica of a plan's option."""
    return Replica(
        ask.model,
        option.chip.id,
        option.precision,
        option.tp,
        option.pp,
        option.dp,
        option.concurrency,
        ask.input_length,
        ask.output_length,
    )
