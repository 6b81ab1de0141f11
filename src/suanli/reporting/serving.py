"""One deployment as a document."""

from __future__ import annotations

import numpy as np

from suanli.performance.configs import BOUNDS, Configs
from suanli.planning import Serving
from suanli.reporting.amounts import cell
from suanli.reporting.document import Block, Heading, Headline, Line, Report, Table, report, table
from suanli.reporting.explain import Replica, explain_report
from suanli.reporting.tongue import Sources, Tongue
from suanli.units import show

COMPARED = 8
BAR = 60


def serving_report(serving: Serving, say: Tongue, *, ideal: bool, explained: bool) -> Report:
    """Headline, the estimate with its interval, memory, compared layouts, how sure; the arithmetic where asked."""
    return report(
        Headline(_headline(serving, say)),
        _table(serving, say),
        _memory(serving, say),
        _compared(serving, say),
        _sure(serving, say, ideal),
        explain_report(_replica(serving), serving.explanation, say) if explained else None,
    )


def layout_of(configs: Configs, row: int) -> str:
    """The layout of one row, as ``tp8 dp2``, or ``tp8 + 2 x prefill tp4`` with separate prefill workers."""
    parts = [(name, int(getattr(configs, name)[row])) for name in ("tp", "pp", "dp", "ep")]
    shown = " ".join(f"{name}{value}" for name, value in parts if value > 1 or name == "tp")
    workers = int(configs.prefill_replicas[row])
    if not workers:
        return shown
    prefill = " ".join(f"{name}{int(value)}" for name, value in (("tp", configs.prefill_tp[row]), ("dp", configs.prefill_dp[row])) if value > 1 or name == "tp")
    return f"{shown} + {workers} x prefill {prefill}"


def _headline(s: Serving, say: Tongue) -> str:
    e = s.estimate
    return say(
        "reporting.serve.headline",
        model=say.named(s.model),
        chips=cell(float(s.row.chips[0])),
        chip=say.placed(s.chip, s.system),
        precision=s.precision,
        layout=layout_of(s.row, 0),
        rate=cell(float(e.tokens_rate[1, 0])),
        low=cell(float(e.tokens_rate[0, 0])),
        high=cell(float(e.tokens_rate[2, 0])),
        ttft=show(float(e.ttft[1, 0]), "second"),
        tpot=show(float(e.tpot[1, 0]), "second"),
    )


def _table(s: Serving, say: Tongue) -> Table:
    e = s.estimate
    energy = e.power / e.tokens_rate[::-1]  # the low energy is that of the high rate
    figures = (
        ("ttft", "ms", e.ttft / 1e-3),
        ("tpot", "ms", e.tpot / 1e-3),
        ("tokens_rate", "token/s", e.tokens_rate),
        ("tokens_rate_per_chip", "token/s", e.tokens_rate_per_chip),
        ("power", "W", e.power),
        ("energy", "J/token", energy),
    )
    rows = [(say(f"reporting.figure.{name}"), unit, *(cell(float(values[each, 0])) for each in range(3))) for name, unit, values in figures]
    columns = [(say("reporting.column.figure"), "text"), (say("reporting.column.unit"), "text")] + [
        (say(f"reporting.column.{name}"), "number") for name in ("low", "mid", "high")
    ]
    return table(columns, rows)  # type: ignore[arg-type]


def _memory(s: Serving, say: Tongue) -> list[Block]:
    x = s.explanation
    weights, cache = x.weight_bytes, float(s.estimate.cache_bytes[0])
    rest = x.capacity - weights - cache
    full, part = (round(BAR * each / x.capacity) for each in (weights, cache))
    bar = "█" * full + "▒" * part + "░" * max(BAR - full - part, 0)
    return [
        Heading(say("reporting.serve.memory", capacity=show(x.capacity, "byte"))),
        Line(bar),
        Line(
            say(
                "reporting.serve.memory_parts",
                weights=show(weights, "byte"),
                cache=show(cache, "byte"),
                free=show(max(rest, 0.0), "byte"),
                fits=cell(x.fits),
                running=cell(x.running),
            )
        ),
    ]


def _compared(s: Serving, say: Tongue) -> list[Block]:
    c, e = s.compared, s.compared_estimate
    if len(c) < 2:
        return []
    order = np.argsort(-e.tokens_rate_per_chip[0])[:COMPARED]
    rows = [
        (
            layout_of(c, row),
            cell(float(c.chips[row])),
            cell(float(e.ttft[0, row]), 1e-3),
            cell(float(e.tpot[0, row]), 1e-3),
            cell(float(e.tokens_rate[0, row])),
            cell(float(e.tokens_rate_per_chip[0, row])),
            say(f"reporting.bound.{BOUNDS[e.bound_by[row]]}"),
        )
        for row in order
    ]
    columns = [
        (say("reporting.column.layout_only"), "id"),
        (say("reporting.column.chips"), "number"),
        ("TTFT ms", "number"),
        ("TPOT ms", "number"),
        (say("reporting.column.rate"), "number"),
        (say("reporting.column.rate_per_chip"), "number"),
        (say("reporting.column.bound"), "text"),
    ]
    return [Heading(say("reporting.serve.compared", count=len(c), shown=len(order))), table(columns, rows)]  # type: ignore[arg-type]


def _sure(s: Serving, say: Tongue, ideal: bool) -> list[Block]:
    tier = int(s.estimate.tier[0])
    no_power = bool(np.isnan(s.estimate.power[1, 0]))
    lines: list[Block] = [
        Heading(say("reporting.plan.how_sure")),
        Line(say("reporting.plan.bound", chip=say.named(s.chip), bound=f"@performance.bounds.{BOUNDS[s.estimate.bound_by[0]]}")),
        Line(say("reporting.plan.ideal_interval" if ideal else "reporting.plan.interval")),
        Line(say("reporting.plan.speed_tier", chip=say.named(s.chip), tier=say.tier(tier), meaning=say(f"tiers.meaning.{_name(tier)}"))),
        *(Line(say(f"planning.assumed.{name}{'_unknown' if name == 'power' and no_power else ''}", chip=say.named(s.chip)), "-") for name in s.assumed),
    ]
    cited = Sources()
    for key in ("memory.capacity", "memory.bandwidth", "peak.bf16", f"peak.{s.precision}"):
        fact = s.chip.fact(key)
        cited.cite(fact.sources if fact else ())
    return [*lines, Heading(say("reporting.sources")), *cited.lines(say)]


def _name(tier: int) -> str:
    from suanli.facts import Tier

    return Tier(tier).name.lower()


def _replica(s: Serving) -> Replica:
    c = s.row
    values = {name: float(getattr(c, name)[0]) for name in ("tp", "pp", "dp", "concurrency", "input_length", "output_length", "accepted")}
    return Replica(s.model, s.chip.id, s.precision, **values)
