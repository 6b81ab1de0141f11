"""Why a training plan is as it is, how sure it is, what was assumed for it, and its sources."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from suanli.facts import Fact, Tier
from suanli.performance.precision import SCHEMES
from suanli.performance.training.configs import PARTS
from suanli.planning.run import DAY
from suanli.planning.training import Training, TrainingPlan
from suanli.reporting.amounts import cell, percent
from suanli.reporting.document import Block, Heading, Line
from suanli.reporting.tongue import Sources, Tongue, stated

#: the least share of a step that is worth a sentence
NOTABLE = 0.03
#: price sources of the best option that are listed
PRICE_SOURCES = 4
#: what a run takes for granted
ASSUMED = ("failure_rate", "restart", "startup", "checkpoint_pause", "storage_bandwidth", "evaluation_share", "power_share")


def why(plan: TrainingPlan, say: Tongue) -> list[Block]:
    """What the step is spent on, and what decides between the options."""
    best = plan.options[0]
    shares = best.estimate.parts[:, 0] / best.estimate.parts[:, 0].sum()
    first, second = np.argsort(-shares)[:2]
    lines: list[Block] = [Heading(say("reporting.plan.why"))]
    for key, place in (("bound", first), ("second", second)):
        if shares[place] >= NOTABLE:
            values = {"percent": percent(float(shares[place])), "bound": f"@reporting.train_bound.{PARTS[place]}"}
            lines.append(Line(say(f"reporting.train.{key}", chip=say.named(best.chip), **values)))
    return [*lines, *_decides(plan, say)] if len(plan.options) > 1 else lines


def _decides(plan: TrainingPlan, say: Tongue) -> Iterator[Line]:
    best, following = plan.options[:2]
    assert best.band is not None
    assert following.band is not None

    def named(option: Training) -> dict[str, str]:
        return {"chips": cell(option.chips), "chip": say.named(option.chip)}

    ratio = float(following.band.cost[1, 0] / best.band.cost[1, 0])
    if math.isfinite(ratio) and following.finishes == best.finishes:
        close = bool(following.band.cost[0, 0] < best.band.cost[2, 0])
        yield Line(say("reporting.train.next" if close else "reporting.train.next_clear", **named(following), percent=percent(ratio - 1)))
    fastest = min(plan.options, key=lambda each: float(each.band.wall_time[1, 0]) if each.band else math.inf)
    if fastest is not best and fastest.band is not None:
        times = float(fastest.band.cost[1, 0] / best.band.cost[1, 0])
        shown = {"time": cell(float(fastest.band.wall_time[1, 0]), DAY), "times": cell(times, digits=2)}
        yield Line(say("reporting.train.fastest", **named(fastest), **shown))


def how_sure(plan: TrainingPlan, say: Tongue) -> list[Block]:
    """What the interval means, how well runs like this are known, tiers of chip and price."""
    best = plan.options[0]
    tier = int(best.estimate.tier[0])
    interval = "reporting.train.ideal_interval" if plan.ask.ideal else "reporting.train.interval"
    lines: list[Block] = [Heading(say("reporting.plan.how_sure")), Line(say(interval))]
    if not plan.ask.ideal:
        lines.append(Line(say("reporting.train.known", chip=say.named(best.chip), knowledge=f"@reporting.train_knowledge.{best.knowledge}")))
    lines.append(Line(say("reporting.train.tier", chip=say.named(best.chip), tier=say.tier(tier), meaning=say(f"tiers.meaning.{Tier(tier).name.lower()}"))))
    price = "reporting.plan.price_estimated" if best.price_estimated else "reporting.train.price_known"
    lines.append(Line(say(price, tier=say.tier(best.price_tier), count=len(best.price_sources))))
    return lines


def assumptions(plan: TrainingPlan, say: Tongue) -> list[Block]:
    """Everything that the user did not say, and what a run takes for granted."""
    best, ask = plan.options[0], plan.ask
    lines = [Line(say("reporting.plan.default", what=f"@planning.defaults.{each.name}", value=each.value, source=each.source), "-") for each in ask.filled]
    if not ask.stack:
        lines.append(Line(say("reporting.train.stack" if best.stack else "reporting.train.no_stack", stack=best.stack), "-"))
    for name in best.platforms.assumed[0]:
        unknown = name == "power" and math.isnan(float(best.estimate.power[0]))
        lines.append(Line(say(f"planning.assumed.{name}{'_unknown' if unknown else ''}", chip=say.named(best.chip)), "-"))
    for key, origin in ask.run.place.inherited.items():
        lines.append(Line(say("reporting.plan.inherited", what=f"@places.{key}", place=say.named(ask.run.place), origin=origin), "-"))
    lines.append(Line(say(f"reporting.plan.acquired_{ask.run.acquire}"), "-"))
    lines.append(Line(say("reporting.train.asynchronous" if ask.run.asynchronous else "reporting.train.synchronous"), "-"))
    for name in ASSUMED:
        fact = ask.run.assumptions[name]
        value = f"{stated(fact)} {fact.unit}".removesuffix(" 1")
        lines.append(Line(say("reporting.plan.default", what=f"@reporting.train_assumption.{name}", value=value, source=say.tier(fact.tier)), "-"))
    return [Heading(say("reporting.plan.assumed")), *lines]


def sources(plan: TrainingPlan, say: Tongue) -> list[Block]:
    """Where the numbers of the best option are from."""
    cited = Sources()
    for fact in facts(plan):
        cited.cite(fact.sources)
    prices = plan.options[0].price_sources[-PRICE_SOURCES:]
    lines = [*cited.lines(say), *(Line(say("reporting.plan.price_source", source=each), "-") for each in prices)]
    if plan.currency != "USD":
        lines.append(Line(say("reporting.plan.exchange", currency=plan.currency, rate=cell(plan.currency_rate, digits=5)), "-"))
    return [Heading(say("reporting.sources")), *lines]


def facts(plan: TrainingPlan) -> Iterator[Fact]:
    """The facts behind the best option: its chip's, the place's, and what a run takes for granted."""
    chip, place = plan.options[0].chip, plan.ask.run.place
    chosen = [chip.fact(key) for key in ("memory.capacity", "memory.bandwidth", "peak.bf16", "peak.fp16", f"peak.{SCHEMES[plan.ask.scheme]}", "power.board")]
    chosen += [place.fact(key) for key in ("power_price", "pue", "carbon")]
    chosen += [plan.ask.run.assumptions[name] for name in ASSUMED]
    yield from (fact for fact in chosen if fact is not None)
