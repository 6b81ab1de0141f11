"""A plan as a document: headline, options, why, what was left out, how sure, what was assumed, sources."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from suanli.facts import Fact
from suanli.planning import Ask, Band, Option, Plan
from suanli.reporting.amounts import cell, percent, span
from suanli.reporting.document import Block, Heading, Headline, Line, Report, Table, report, table
from suanli.reporting.export import review_of
from suanli.reporting.plan_rules import because, rules_cost
from suanli.reporting.tongue import Sources, Tongue
from suanli.workloads import Workload

#: how many chips are named as examples of a reason
EXAMPLES = 3
#: how many price sources of one option are listed
PRICE_SOURCES = 4


def plan_report(plan: Plan, say: Tongue, *, top: int, left_out: bool = False, workload: Workload | None = None, chain: Report | None = None) -> Report:
    """The whole plan; ``chain`` is the replayed arithmetic of one option, put after the table."""
    return report(
        headlines(plan, say),
        _asked(plan.ask, say),
        published(plan, say, workload),
        options_table(plan, say, top),
        _marks(plan, say, top),
        chain,
        why(plan, say),
        rules_cost(plan, say),
        trade_offs(plan, say),
        left_out_part(plan, say, everything=left_out),
        how_sure(plan, say),
        assumptions(plan, say),
        sources(plan, say, workload),
        _closing(plan, say),
    )


def headlines(plan: Plan, say: Tongue) -> list[Block]:
    """The best option in one sentence, and the next best."""
    lines: list[Block] = [Headline(say("reporting.plan.best", option=_sentence(plan, plan.best, say)))]
    if len(plan.options) > 1:
        lines.append(Line(say("reporting.plan.next", option=_sentence(plan, plan.options[1], say))))
    return lines


def _sentence(plan: Plan, option: Option, say: Tongue) -> str:
    rate = plan.currency_rate
    return say(
        "reporting.plan.option",
        chips=cell(option.chips.mid),
        chip=say.placed(option.chip, option.system),
        precision=option.precision,
        layout=layout(option),
        span=span(option.cost_per_million, 1 / rate),
        mid=cell(option.cost_per_million.mid * rate),
        currency=plan.currency,
    )


def layout(option: Option) -> str:
    """``tp8 pp2``: the ways one replica is cut; ways of 1 are left out but tp.

    >>> from types import SimpleNamespace as Cut
    >>> layout(Cut(tp=8, pp=1, dp=4, ep=32, decode=1, prefill=0)), layout(Cut(tp=8, pp=1, dp=1, ep=1, decode=2, prefill=1))
    ('tp8 dp4 ep32', 'tp8, decode x2 + prefill x1')
    """
    others = [f"{name}{getattr(option, name)}" for name in ("pp", "dp", "ep") if getattr(option, name) > 1]
    shape = " ".join([f"tp{option.tp}", *others])
    return f"{shape}, decode x{option.decode} + prefill x{option.prefill}" if option.prefill else shape


def _asked(ask: Ask, say: Tongue) -> Line:
    targets = [
        say(f"reporting.plan.{name}", value=cell(value, scale)) if math.isfinite(value) else ""
        for name, value, scale in (("ttft", ask.ttft, 1), ("tpot", ask.tpot, 1e-3))
    ]
    return Line(
        say(
            "reporting.plan.asked",
            model=say.named(ask.model),
            place=say.named(ask.place),
            on=ask.on.isoformat(),
            rate=cell(ask.rate),
            input=cell(ask.input_length),
            output=cell(ask.output_length),
            targets="".join(targets),
            acquire=f"@reporting.acquire.{ask.acquire}",
            mode="@reporting.plan.ideal" if ask.ideal else "",
        )
    )


def published(plan: Plan, say: Tongue, workload: Workload | None) -> list[Block]:
    """A published figure for the same traffic beside ours, with the ratio and why they differ."""
    fact = workload.fact("published.chips") if workload else None
    if fact is None or workload is None:
        return []
    ours = next((option for option in plan.options if option.chip.id == workload.published_chip), plan.best)
    ratio = ours.chips.mid / fact.value
    values = {
        "published": cell(fact.value),
        "chip": workload.published_chip,
        "source": fact.sources[0].title,
        "ours": cell(ours.chips.mid),
        "our_chip": ours.chip.id,
        "ratio": cell(ratio),
    }
    why_key = "reporting.plan.published_ideal" if plan.ask.ideal else "reporting.plan.published_why"
    return [Line(say("reporting.plan.published", **values)), Line(say(why_key))]


#: members of the Pareto set that a page shows, spread from the cheapest to the fastest
SHOWN_FRONT = 8


def trade_offs(plan: Plan, say: Tongue) -> list[Block]:
    """The Pareto set of cost, time per token and power, where it has more than one member."""
    if len(plan.front) < 2:
        return []
    count = min(len(plan.front), SHOWN_FRONT)
    by_speed = sorted(plan.front, key=lambda option: option.tpot.mid)
    spread = {round(place * (len(by_speed) - 1) / (count - 1)) for place in range(count)}
    marked = {place for place, option in enumerate(by_speed) if len(option.best_at) > 1}
    chosen = tuple(sorted((by_speed[place] for place in spread | marked), key=lambda option: option.cost_per_hour.mid))
    return [Heading(say("reporting.plan.front")), options_table(replace(plan, options=chosen), say, len(chosen))]


def options_table(plan: Plan, say: Tongue, top: int) -> Table:
    """The ``top`` cheapest options."""
    money = f"{plan.currency}/M"
    columns = [
        (say("reporting.column.chip"), "id"),
        (say("reporting.column.chips"), "number"),
        (say("reporting.column.layout"), "text"),
        ("TTFT s", "number"),
        ("TPOT ms", "number"),
        (f"{money} {say('reporting.column.mid')}", "number"),
        (f"{money} {say('reporting.column.range')}", "number"),
        ("kW", "number"),
        ("kg CO2 /M", "number"),
        (say("reporting.column.licence"), "text"),
        (say("export.column.review"), "text"),
        (say("reporting.column.marks"), "text"),
    ]
    shown = plan.options[:top]
    law = any(option.law.outcome != "allowed" for option in shown)
    return table(columns, [_row(plan, option, say, law) for option in shown])  # type: ignore[arg-type]


def _row(plan: Plan, option: Option, say: Tongue, law: bool) -> tuple[str, ...]:
    rate = plan.currency_rate
    cost = option.cost_per_million
    return (
        option.chip.id,
        span(option.chips),
        f"{option.precision} {layout(option)}",
        cell(option.ttft.mid, digits=2),
        cell(option.tpot.mid, 1e-3, 2),
        cell(cost.mid * rate, digits=2) + ("*" if option.price_estimated else ""),
        span(cost, 1 / rate),
        cell(option.power.mid * plan.ask.place.pue, 1e3, 2),
        cell(option.carbon_per_million.mid, digits=2),
        say(f"reporting.verdict.{option.law.outcome}") if law else "",
        review_of(option.law.review, say) if law and option.law.outcome == "licence" else "",
        " ".join(say(f"reporting.mark.{each}") for each in option.best_at),
    )


def _marks(plan: Plan, say: Tongue, top: int) -> list[Line]:
    shown = plan.options[:top]
    lines = [Line(say("reporting.plan.units", currency=plan.currency))]
    if not plan.ask.ideal:
        lines.append(
            Line(
                say(
                    "reporting.plan.law_asked" if any(option.law.outcome != "allowed" for option in shown) else "reporting.plan.law_free",
                    on=plan.ask.on.isoformat(),
                )
            )
        )
        lines += _presumed(shown, say)
    if any(option.price_estimated for option in shown):
        lines.append(Line(say("reporting.plan.estimated")))
    if len(plan.options) > top:
        lines.append(Line(say("reporting.plan.more", shown=top, count=len(plan.options))))
    return lines


def _presumed(shown: Sequence[Option], say: Tongue) -> list[Line]:
    """What the law still says of options that need no licence (guidance on chips presumed to be made in breach of its rules)."""
    labels: dict[str, list[str]] = {}
    for option in shown:
        if option.law.outcome == "allowed" and option.law.licence not in ("NOT_REQUIRED", "n/a", ""):
            labels.setdefault(option.law.licence, []).append(option.chip.id)
    return [Line(say("reporting.plan.presumed", chips=", ".join(ids), licence=f"@rules.licence.{label}")) for label, ids in labels.items()]


def why(plan: Plan, say: Tongue) -> list[Block]:
    """What bounds the best option, and what decides between it and the others."""
    best, others = plan.best, plan.options[1:]
    lines: list[Block] = [
        Heading(say("reporting.plan.why")),
        Line(say("reporting.plan.bound", chip=say.named(best.chip), bound=f"@performance.bounds.{best.bound_by}")),
    ]
    close = [option for option in others if option.cost_per_million.low < best.cost_per_million.high]
    if others:
        gap = others[0].cost_per_million.mid / best.cost_per_million.mid - 1
        lines.append(
            Line(
                say(
                    "reporting.plan.cheaper" if close else "reporting.plan.cheaper_clear",
                    chip=say.named(others[0].chip),
                    percent=percent(gap),
                    count=len(close),
                )
            )
        )
    faster = min(plan.front or plan.options, key=lambda option: option.tpot.mid)
    leaner = min(plan.front or plan.options, key=lambda option: option.power.mid if math.isfinite(option.power.mid) else math.inf)
    for key, option in (("faster", faster), ("leaner", leaner)):
        if option != best:
            times = option.cost_per_million.mid / best.cost_per_million.mid
            lines.append(Line(say(f"reporting.plan.{key}", chip=say.named(option.chip), times=cell(times, digits=2))))
    return lines


def left_out_part(plan: Plan, say: Tongue, *, everything: bool) -> list[Block]:
    """Counts by reason with examples, or every chip with its reason."""
    if not plan.left_out:
        return []
    heading = Heading(say("reporting.plan.left_out", count=len(plan.left_out)))
    if everything:
        rows = [(each.chip.id, because(each, say)) for each in sorted(plan.left_out, key=lambda each: (each.reasons, each.chip.id))]
        return [heading, table([(say("reporting.column.chip"), "id"), (say("reporting.column.reason"), "text")], rows)]
    groups: dict[str, list[str]] = {}
    for each in plan.left_out:
        groups.setdefault(each.reason, []).append(each.chip.id)
    rows3 = [
        (str(len(names)), say(f"performance.reasons.{reason}"), "" if reason == "excluded" else ", ".join(names[:EXAMPLES]))
        for reason, names in sorted(groups.items(), key=lambda pair: -len(pair[1]))
    ]
    columns = [
        (say("reporting.column.count"), "number"),
        (say("reporting.column.reason"), "text"),
        (say("reporting.column.examples"), "text"),
    ]
    return [heading, table(columns, rows3), Line(say("reporting.plan.left_out_hint"))]  # type: ignore[arg-type]


def how_sure(plan: Plan, say: Tongue) -> list[Block]:
    """Tiers of speed and price, and what the interval means."""
    best = plan.best
    price = "reporting.plan.price_estimated" if best.price_estimated else "reporting.plan.price_known"
    return [
        Heading(say("reporting.plan.how_sure")),
        Line(say("reporting.plan.interval")) if not plan.ask.ideal else Line(say("reporting.plan.ideal_interval")),
        Line(
            say(
                "reporting.plan.speed_tier",
                chip=say.named(best.chip),
                tier=say.tier(best.tier),
                meaning=say(f"tiers.meaning.{_tier_name(best.tier)}"),
            )
        ),
        *_targets(plan, say),
        Line(say(price, tier=say.tier(best.price_tier), newest=best.price_newest, count=len(best.price_sources))),
    ]


def _targets(plan: Plan, say: Tongue) -> list[Block]:
    """Whether the best option keeps the latency targets over its whole interval or in the middle only."""
    best, ask = plan.best, plan.ask
    if ask.ideal or not math.isfinite(ask.ttft + ask.tpot):
        return []
    firm = best.ttft.high <= ask.ttft and best.tpot.high <= ask.tpot
    values = {"ttft": span(best.ttft), "ttft_target": cell(ask.ttft), "tpot": span(best.tpot, 1e-3), "tpot_target": cell(ask.tpot, 1e-3)}
    return [Line(say("reporting.plan.targets_firm" if firm else "reporting.plan.targets_middle", chip=say.named(best.chip), **values))]


def _tier_name(tier: int) -> str:
    from suanli.facts import Tier

    return Tier(tier).name.lower()


def assumptions(plan: Plan, say: Tongue) -> list[Block]:
    """Everything that the user did not say."""
    ask = plan.ask
    lines = [Line(say("reporting.plan.default", what=f"@planning.defaults.{each.name}", value=each.value, source=each.source), "-") for each in ask.filled]
    for name in plan.best.assumed:
        unknown = name == "power" and math.isnan(plan.best.power.mid)
        lines.append(Line(say(f"planning.assumed.{name}{'_unknown' if unknown else ''}", chip=say.named(plan.best.chip)), "-"))
    for key, origin in ask.place.inherited.items():
        lines.append(Line(say("reporting.plan.inherited", what=f"@places.{key}", place=say.named(ask.place), origin=origin), "-"))
    lines.append(Line(say(f"reporting.plan.acquired_{ask.acquire}"), "-"))
    return [Heading(say("reporting.plan.assumed")), *lines]


def sources(plan: Plan, say: Tongue, workload: Workload | None) -> list[Block]:
    """Where the numbers of the two best options are from."""
    cited = Sources()
    for fact in _facts(plan, workload):
        cited.cite(fact.sources)
    lines = cited.lines(say)
    prices = list(dict.fromkeys(source for option in plan.options[:2] for source in option.price_sources[-PRICE_SOURCES:]))
    lines += [Line(say("reporting.plan.price_source", source=each), "-") for each in prices]
    if plan.currency != "USD":
        lines.append(Line(say("reporting.plan.exchange", currency=plan.currency, rate=cell(plan.currency_rate, digits=5)), "-"))
    return [Heading(say("reporting.sources")), *lines]


def _facts(plan: Plan, workload: Workload | None) -> Iterator[Fact]:
    for option in plan.options[:2]:
        for key in ("memory.capacity", "memory.bandwidth", "peak.bf16", "peak.fp16", f"peak.{option.precision}"):
            fact = option.chip.fact(key)
            if fact:
                yield fact
    for key in ("power_price", "pue", "carbon"):
        fact = plan.ask.place.fact(key)
        if fact:
            yield fact
    if workload and workload.fact("rate"):
        yield workload.facts["rate"]


def _closing(plan: Plan, say: Tongue) -> list[Line]:
    lines = [
        Line(
            say(
                "reporting.plan.tried",
                tried=cell(plan.tried),
                seconds=cell(plan.seconds, digits=2),
                chips=len(plan.options) + len(plan.left_out),
            )
        )
    ]
    law = any(option.law.outcome != "allowed" for option in plan.options) or any(each.law for each in plan.left_out)
    return [*lines, Line(say("reporting.not_legal_advice"))] if law and not plan.ask.ideal else lines


__all__ = ["Band", "layout", "plan_report"]
