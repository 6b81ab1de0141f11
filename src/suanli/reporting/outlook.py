"""Outlooks as documents and as rows: growth of compute, market series, a maker's accounts, the economy of a chip."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from suanli.economics.silicon import MARKET, Range
from suanli.facts import Tier
from suanli.outlook import Company, CompanyYear, Group, Growth, Judged, Market, Point, Title
from suanli.planning.frontier import FrontierRun
from suanli.planning.silicon import Silicon
from suanli.reporting.amounts import cell, percent
from suanli.reporting.document import Block, Heading, Headline, Kind, Line, Report, report, table
from suanli.reporting.tongue import Tongue

#: groups of models and rows of a table that are shown
GROUPS, ROWS = 8, 12
MILLION, BILLION = 1e6, 1e9
MEGAWATT = 1e6
CENT = 100.0


def columns(say: Tongue, **kinds: Kind) -> list[tuple[str, Kind]]:
    """Columns by the names of their titles."""
    return [(say(f"outlook.column.{name}"), kind) for name, kind in kinds.items()]


def band(values: Sequence[float], scale: float = 1.0, digits: int = 2) -> str:
    """``mid (low-high)``.

    >>> band((3.9, 4.5, 5.3))
    '4.5 (3.9-5.3)'
    """
    low, mid, high = (cell(each, scale, digits) for each in values)
    return mid if low == high == mid else f"{mid} ({low}-{high})"


# --- compute


def compute_report(growth: Growth, rules: Sequence[Growth], groups: Mapping[str, Sequence[Group]], run: FrontierRun | None, say: Tongue) -> Report:
    """Headline; the rules of sampling beside each other; the test for a break; where the trend leads; countries and organisations; the run."""
    rows = [
        (
            say(f"outlook.rule.{each.rule}"),
            cell(each.fit.points),
            band(each.factor),
            band(each.grouped),
            band(each.doubling_months),
            _broke(each, say),
        )
        for each in rules
    ]
    last = growth.models[-1]
    years = sorted({growth.last.year + ahead for ahead in (1, 2, 4)})
    fan = [(str(year), _flop(growth.at(growth.last.replace(year=year, month=7, day=1)))) for year in years]
    return report(
        Headline(
            say(
                "outlook.compute_headline",
                rule=say(f"outlook.rule.{growth.rule}"),
                first=growth.first.isoformat(),
                last=growth.last.isoformat(),
                factor=band(growth.factor),
                months=band(growth.doubling_months),
            )
        ),
        Line(
            say(
                "outlook.compute_last",
                model=last.name,
                organisation=", ".join(last.organisations),
                on=last.published.isoformat(),
                compute=f"{last.compute:.2g}",
            )
        ),
        table(columns(say, rule="text", models="number", factor="number", grouped="number", months="number", broke="text"), rows),
        Line(say("outlook.compute_note")),
        [Heading(say("outlook.fan")), table(columns(say, year="id", compute="number"), fan)],
        [block for by, found in groups.items() for block in _groups(found, by, say)],
        _run(run, say) if run else None,
        Line(say("outlook.epoch")),
    )


def _broke(growth: Growth, say: Tongue) -> str:
    broke = growth.broke
    if broke is None:
        return say("outlook.broke_untested")
    year = 2012 + broke.time
    key = "outlook.broke" if broke.chance < 0.05 else "outlook.broke_not"
    return say(
        key, year=f"{year:.1f}", before=cell(math.exp(broke.before), digits=2), after=cell(math.exp(broke.after), digits=2), chance=percent(broke.chance)
    )


def _flop(values: Sequence[float]) -> str:
    low, mid, high = (f"{each:.1e}" for each in values)
    return f"{mid} ({low} - {high})"


def _groups(groups: Sequence[Group], by: str, say: Tongue) -> list[Block]:
    rows = [
        (
            each.name,
            cell(each.count),
            each.largest[0].name,
            f"{each.largest[0].compute:.1e}",
            each.largest[0].published.isoformat(),
            band(each.growth.factor) if each.growth else "",
        )
        for each in groups[:GROUPS]
    ]
    first: list[tuple[str, Kind]] = [(say(f"outlook.column.{by}"), "text")]
    kinds = first + columns(say, models="number", largest="text", compute="number", published="id", factor="number")
    return [Heading(say(f"outlook.by_{by}")), table(kinds, rows)]


def _run(run: FrontierRun, say: Tongue) -> list[Block]:
    rows = [
        (
            each.chip.id,
            band(each.chips),
            band(each.power, MEGAWATT),
            band(each.cost, BILLION),
            percent(float(each.option.estimate.mfu[1, 0])),
        )
        for each in run.needs
    ]
    head = say("outlook.run", year=run.day.year, compute=_flop(run.compute), parameters=cell(run.parameters, BILLION), tokens=cell(run.tokens, BILLION))
    lines: list[Block] = [Heading(say("outlook.run_heading", year=run.day.year)), Line(head)]
    if rows:
        lines.append(table(columns(say, chip="id", chips="number", megawatt="number", money="number", mfu="number"), rows))
        lines.append(Line(say("outlook.run_note", days=cell(run.days), cluster=cell(run.needs[0].option.chips))))
    lines += [
        Line(say("outlook.assumed", name=name, value=cell(fact.stated), unit="" if fact.unit == "1" else fact.unit, source=fact.sources[0].title), "-")
        for name, fact in run.assumptions.items()
    ]
    return lines


def compute_rows(growth: Growth) -> list[dict[str, str]]:
    """The models of a sample."""
    return [
        {
            "model": each.name,
            "organisation": ", ".join(each.organisations),
            "country": ", ".join(each.countries),
            "published": each.published.isoformat(),
            "compute_flop": f"{each.compute:g}",
            "confidence": each.confidence,
            "url": each.url,
            "source": "Epoch AI, CC BY 4.0",
        }
        for each in growth.models
    ]


# --- market


def market_report(found: Market, say: Tongue, *, everything: bool) -> Report:
    """The newest figures a series, every figure where one was asked for; growth inside vintages; forecasts against what came true; sources."""
    newest = _newest(found.points)
    shown = found.points if everything else newest
    rows = [
        (
            _title(found.titles[each.series], say),
            each.publisher,
            each.vintage_text,
            each.period_text,
            _amount(each),
            say(f"outlook.kind.{each.kind}"),
            say.tier(int(each.tier)),
            each.scope if everything else "",
        )
        for each in shown
    ]
    kinds = columns(say, series="text", publisher="text", vintage="id", period="id", value="number", kind="text", tier="text", scope="text")
    grown = [
        (
            _title(found.titles[each.first.series], say),
            each.first.publisher,
            f"{each.first.period_text} - {each.last.period_text}",
            _percent(each.rate),
            each.last.scope if everything else "",
        )
        for each in found.growth
        if everything
    ]
    growing: list[Block] = (
        [Heading(say("outlook.growth")), table(columns(say, series="text", publisher="text", period="id", growth="number", scope="text"), grown)]
        if grown
        else []
    )
    return report(
        Headline(
            say(
                "outlook.market_headline",
                series=len({each.series for each in found.points}),
                points=len(found.points),
                checked=sum(each.verified for each in found.points),
            )
        ),
        [table(kinds, rows)],
        None if everything else Line(say("outlook.market_hint")),
        growing,
        _forecasts(found.judged, found.titles, say),
        [Heading(say("reporting.sources")), *(Line(each, "-") for each in _sources(shown, say))] if everything else None,
        Line(say("outlook.market_note")),
    )


def _newest(points: Sequence[Point]) -> list[Point]:
    """Of each series the figure of its latest told period, else its latest forecast."""
    best: dict[str, Point] = {}
    for each in points:
        held = best.get(each.series)
        key = (each.kind in ("actual", "preliminary", "estimate", "model"), each.period.middle, each.said)
        if held is None or key > (held.kind in ("actual", "preliminary", "estimate", "model"), held.period.middle, held.said):
            best[each.series] = each
    return list(best.values())


def _title(title: Title, say: Tongue) -> str:
    return title.name_zh if say.language == "zh" else title.name


def _amount(each: Point) -> str:
    mark = {"lower": "> ", "upper": "< ", "about": "~ "}.get(each.bound, "")
    scale = each.value / each.stated if each.stated else 1.0
    shown = cell(each.stated, digits=4) if each.low == each.high else f"{cell(each.low, scale)}-{cell(each.high, scale)}"
    return f"{mark}{shown} {each.unit}"


def _percent(share: float) -> str:
    return f"{'+' if share > 0 else ''}{cell(share, 0.01, 2)} %"


def _forecasts(judged: Sequence[Judged], titles: Mapping[str, Title], say: Tongue) -> list[Block]:
    if not judged:
        return []
    rows = [
        (
            _title(titles[each.forecast.series], say),
            each.forecast.publisher,
            each.forecast.vintage_text or each.forecast.said.isoformat(),
            each.forecast.period_text,
            _amount(each.forecast),
            f"{_amount(each.later)}{' *' if each.overtaken else ''}",
            each.later.vintage_text or each.later.said.isoformat(),
            say(f"outlook.kind.{each.later.kind}"),
            _percent(each.error),
        )
        for each in judged
    ]
    kinds = columns(say, series="text", publisher="text", vintage="id", period="id", forecast="number", later="number", said="id", kind="text", error="number")
    over = [Line(say("outlook.overtaken"))] if any(each.overtaken for each in judged) else []
    return [Heading(say("outlook.forecasts")), table(kinds, rows), *over]


def _sources(points: Sequence[Point], say: Tongue) -> list[str]:
    told = {" ".join(filter(None, (each.publisher + ":", each.source, *each.urls))) for each in points if each.source or each.urls}
    return sorted(told)


def market_rows(found: Market) -> list[dict[str, str]]:
    """Every figure as a row."""
    return [
        {
            "series": each.series,
            "scope": each.scope,
            "publisher": each.publisher,
            "vintage": each.vintage_text,
            "period": each.period_text,
            "value": f"{each.value:.12g}",
            "unit": each.base,
            "kind": each.kind,
            "bound": each.bound,
            "tier": each.tier.name.lower(),
            "source": each.source,
            "url": "|".join(each.urls),
        }
        for each in found.points
    ]


# --- company


def company_report(found: Company, say: Tongue) -> Report:
    """Headline on the last year; every period; what was announced beforehand; series that it publishes; its chips; rankings; how to read it."""
    rows = [
        (
            f"{each.period_text}{'' if each.verified else ' *'}",
            cell(each.revenue, MILLION, 4),
            _signed(each.growth),
            cell(each.net_profit, MILLION, 4),
            cell(each.net_profit_excluding, MILLION, 4),
            cell(each.research, MILLION, 4),
            percent(each.research_share),
            percent(each.self_funding),
        )
        for each in found.years
    ]
    currency = next((each.currency for each in found.years if each.currency), "")
    kinds = columns(
        say, period="id", revenue="number", growth="number", net_profit="number", excluding="number", research="number", share="number", self_funding="number"
    )
    announced = [
        Line(
            say(
                "outlook.announced",
                figure=f"@outlook.figure.{each.figure}",
                period=each.period_text,
                low=cell(each.low, MILLION, 5),
                high=cell(each.high, MILLION, 5),
                unit=f"M {each.base}",
                on=each.vintage_text,
            ),
            "-",
        )
        for each in found.announced
    ]
    points = _newest(found.points)
    sources = sorted(
        {" ".join(filter(None, (account.source, *account.urls))) for year in found.years for account in year.accounts if account.source or account.urls}
    )
    return report(
        Headline(_company_headline(found, say)),
        [table(kinds, rows), Line(say("outlook.company_units", currency=currency))],
        [Heading(say("outlook.announced_heading")), *announced] if announced else None,
        [Heading(say("outlook.published")), *(Line(f"{each.series} {each.period_text}: {_amount(each)}", "-") for each in points)] if points else None,
        Line(say("outlook.company_chips", chips=", ".join(chip.id for chip in found.chips[:ROWS]), count=len(found.chips))) if found.chips else None,
        Line(say("outlook.ranked", note=found.ranked)) if found.ranked else None,
        Line(say("outlook.company_note")),
        [Heading(say("reporting.sources")), *(Line(each, "-") for each in sources)],
    )


def makers_report(makers: Sequence[tuple[str, CompanyYear]], say: Tongue) -> Report:
    """Every maker with its newest period."""
    rows = [
        (
            name,
            f"{year.period_text}{'' if year.verified else ' *'}",
            year.currency,
            *(cell(each, MILLION, 4) for each in (year.revenue, year.net_profit)),
            percent(year.self_funding),
        )
        for name, year in makers
    ]
    kinds = columns(say, company="id", period="id", currency="id", revenue="number", net_profit="number", self_funding="number")
    return report(Headline(say("outlook.makers_headline", count=len(makers))), table(kinds, rows), Line(say("outlook.makers_note")))


def _signed(share: float) -> str:
    return "" if math.isnan(share) else _percent(share).removesuffix(" %")


def _company_headline(found: Company, say: Tongue) -> str:
    whole = [each for each in found.years if each.period.whole_year]
    if not whole:
        return say("outlook.company_plain", company=found.name)
    last = whole[-1]
    if math.isnan(last.self_funding):
        key = "outlook.company_headline"
    else:
        key = "outlook.company_pays" if last.self_funding >= 1 else "outlook.company_fed"
    return say(
        key,
        company=found.name,
        period=last.period_text,
        revenue=cell(last.revenue, MILLION, 4),
        profit=cell(last.net_profit, MILLION, 4),
        currency=last.currency,
        share=percent(last.self_funding) or "-",
    )


def company_rows(found: Company) -> list[dict[str, str]]:
    """Every figure of a company as a row."""
    return [
        {
            "company": each.company,
            "period": each.period_text,
            "figure": each.figure,
            "value": f"{each.value:.12g}",
            "low": f"{each.low:.12g}",
            "high": f"{each.high:.12g}",
            "unit": each.base,
            "kind": each.kind,
            "tier": each.tier.name.lower(),
            "source": each.source,
            "url": "|".join(each.urls),
        }
        for year in found.years
        for each in year.accounts
    ]


# --- chip


def silicon_report(found: Silicon, say: Tongue) -> Report:
    """Headline with the break-even; costs of a unit; what moves it, by leg; other foundries; the export limit; the ranges with their sources."""
    e, design = found.economy, found.design
    mid, good, bad = (float(each) for each in e.break_even)
    costs = [
        (say(f"outlook.cost.{name}"), *(cell(float(each), digits=3) for each in values))
        for name, values in (("dies", e.die_cost), ("memory", e.memory_cost), ("package", e.package_cost), ("unit", e.unit_cost), ("margin", e.margin))
    ]
    fixed = (say("outlook.cost.fixed"), *(cell(float(each), digits=3) for each in e.fixed_cost))
    units = (say("outlook.cost.break_even"), *(_units(float(each), say) for each in e.break_even))
    moved = [
        (
            say(f"outlook.factor.{each.factor}"),
            say("outlook.leg.market" if each.factor in MARKET else "outlook.leg.design"),
            _units(each.at_low, say),
            _units(each.at_high, say),
            cell(each.swing, digits=2) if math.isfinite(each.swing) else say("outlook.never"),
        )
        for each in found.moved
    ]
    name = found.name or say("outlook.own_design")
    return report(
        Headline(
            say(
                "outlook.chip_headline",
                chip=name,
                node=design.node,
                area=cell(design.die_area),
                dies=design.dies,
                price=cell(design.price.mid),
                mid=_units(mid, say),
                low=_units(good, say),
                high=_units(bad, say),
            )
        ),
        Line(
            say(
                "outlook.wafer",
                dies=cell(float(e.dies_per_wafer[0])),
                working=percent(float(e.working[0])),
                good=percent(float(e.working[1])),
                bad=percent(float(e.working[2])),
            )
        ),
        [table(columns(say, what="text", middle="number", good="number", bad="number"), [*costs, fixed, units])],
        [
            Heading(say("outlook.moves")),
            table(columns(say, factor_name="text", leg="text", at_low="number", at_high="number", swing="number"), moved),
            Line(say("outlook.two_legs")),
        ],
        _others(found, say),
        _limit(found, say),
        [Heading(say("outlook.ranges")), *(_range(name, each, say) for name, each in found.ranges.items() if each.high)],
        Line(say("outlook.chip_note")),
    )


def _units(value: float, say: Tongue) -> str:
    return cell(value, digits=3) if math.isfinite(value) else say("outlook.never")


def _others(found: Silicon, say: Tongue) -> list[Block]:
    if not found.others:
        return []
    rows = [
        (name, percent(float(e.working[0])), cell(float(e.die_cost[0])), cell(float(e.unit_cost[0])), _units(float(e.break_even[0]), say))
        for name, e in found.others
    ]
    return [
        Heading(say("outlook.processes", node=found.design.node)),
        table(columns(say, foundry="text", working="number", die_cost="number", unit_cost="number", break_even="number"), rows),
    ]


def _limit(found: Silicon, say: Tongue) -> list[Block]:
    limit = found.limit
    if limit is None:
        return []
    if limit.allowed >= limit.own:
        return [Heading(say("outlook.limit")), Line(say("outlook.limit_free", destination=limit.destination))]
    share = limit.allowed / limit.own
    return [
        Heading(say("outlook.limit")),
        Line(
            say(
                "outlook.limit_costs",
                destination=limit.destination,
                allowed=cell(limit.allowed),
                own=cell(limit.own),
                share=percent(share),
                before=_units(float(found.economy.break_even[0]), say),
                after=_units(float(limit.economy.break_even[0]), say),
            )
        ),
    ]


def _range(name: str, each: Range, say: Tongue) -> Line:
    scale = 1 / CENT if name == "defects" else 1 / BILLION if name == "memory_price" else 1.0
    values = band((each.low, each.mid, each.high), scale, 3)
    rows = sorted({" ".join(filter(None, (row.item, row.source, *row.urls[:1]))) for row in each.rows})
    told = say.tier(int(each.tier)) if each.rows or each.tier != Tier.ASSUMED else say("outlook.given")
    return Line(say("outlook.range", factor=f"@outlook.factor.{name}", values=values, tier=told, rows="; ".join(rows)), "-")


def silicon_rows(found: Silicon) -> list[dict[str, str]]:
    """The scenarios as rows."""
    names = ("middle", "good", "bad")
    e = found.economy
    return [
        {
            "scenario": name,
            "dies_per_wafer": f"{e.dies_per_wafer[place]:g}",
            "working": f"{e.working[place]:g}",
            "die_cost_usd": f"{e.die_cost[place]:g}",
            "memory_cost_usd": f"{e.memory_cost[place]:g}",
            "package_cost_usd": f"{e.package_cost[place]:g}",
            "unit_cost_usd": f"{e.unit_cost[place]:g}",
            "fixed_cost_usd": f"{e.fixed_cost[place]:g}",
            "break_even_units": f"{e.break_even[place]:g}",
        }
        for place, name in enumerate(names)
    ]
