"""Layouts of a training job as text and tables: one layout, the best others, the trade-off of time and memory, why the rest cannot run."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from suanli.performance.training.configs import RECOMPUTES, SHARDINGS, TrainingConfigs
from suanli.performance.training.layouts import Found, Layouts
from suanli.reporting.amounts import cell, percent
from suanli.reporting.document import Block, Heading, Line, Table, report, table
from suanli.reporting.tongue import Tongue

#: rows of the tables of layouts
SHOWN = 8
GIGABYTE = 1e9
#: layouts slower than this times the best are no choice, however little memory they take
REACH = 2
#: what a layout is, beside the share of the layers that is computed again and sequence parallelism
_GRID = ("tp", "cp", "pp", "vpp", "dp", "ep", "micro_batch", "sharding", "recompute")


def layout_of(configs: TrainingConfigs, row: int) -> str:
    """The parallel ways of one row, those of 1 left out but tp; ``sp`` where sequence parallelism is on.

    >>> from suanli.performance.training.configs import training_configs
    >>> layout_of(training_configs(1, tp=8, pp=16, dp=8, vpp=2, sequence_parallel=1), 0), layout_of(training_configs(1, dp=4, ep=4), 0)
    ('tp8 sp pp16 vpp2 dp8', 'tp1 dp4 ep4')
    """
    found = []
    for name in ("tp", "cp", "pp", "vpp", "dp", "ep"):
        value = int(getattr(configs, name)[row])
        if value > 1 or name == "tp":
            found.append(f"{name}{value}")
        if name == "tp" and value > 1 and configs.sequence_parallel[row]:
            found.append("sp")
    return " ".join(found)


def tokens_of(count: float, digits: int = 3) -> str:
    """So many tokens as people write them.

    >>> tokens_of(15.6e12), tokens_of(300e9), tokens_of(5e6)
    ('15.6T', '300B', '5M')
    """
    scale, letter = next(((scale, letter) for scale, letter in ((1e12, "T"), (1e9, "B")) if count >= scale), (1e6, "M"))
    return f"{cell(count, scale, digits)}{letter}"


def recompute_of(configs: TrainingConfigs, row: int, say: Tongue) -> str:
    """What is computed again, with the share of the layers where whole layers are."""
    name = RECOMPUTES[int(configs.recompute[row])]
    text = say(f"reporting.train_recompute.{name}")
    share = float(configs.recomputed[row])
    return f"{text} {percent(share)} %" if name == "full" and share < 1 else text


def sharding_of(configs: TrainingConfigs, row: int, say: Tongue) -> str:
    """What the data-parallel chips share."""
    return say(f"reporting.train_sharding.{SHARDINGS[int(configs.sharding[row])]}")


def distinct(found: Layouts) -> list[int]:
    """Rows in order, of those that differ only in the share that is computed again or in sequence parallelism the first."""
    keys = np.stack([np.asarray(getattr(found.configs, name), float) for name in _GRID], axis=1)
    return sorted(np.unique(keys, axis=0, return_index=True)[1].tolist())


def spread(count: int, shown: int = SHOWN) -> list[int]:
    """At most ``shown`` places of ``count``, from the first to the last.

    >>> spread(3), spread(9, 3)
    ([0, 1, 2], [0, 4, 8])
    """
    if count <= shown:
        return list(range(count))
    return [round(place * (count - 1) / (shown - 1)) for place in range(shown)]


def searched(found: Found, say: Tongue) -> list[Block]:
    """The best other layouts, the front of time against memory, and how the rest fell."""
    blocks: list[Block] = []
    if found.best is not None and len(others := distinct(found.best)[1 : SHOWN + 1]):
        blocks += [Heading(say("reporting.train.others")), layout_table(found.best, others, say)]
    front = near_front(found)
    if front is not None and len(front) > 1:
        blocks += [Heading(say("reporting.train.front", count=len(front))), layout_table(front, spread(len(front)), say)]
    return list(report(blocks, fell(found, say)).blocks)


def near_front(found: Found) -> Layouts | None:
    """The part of the front that is at most ``REACH`` times as slow as the best."""
    if found.front is None:
        return None
    time = found.front.estimate.step_time[0]
    return found.front.take(np.flatnonzero(time <= REACH * time.min()))


def layout_table(layouts: Layouts, rows: Iterable[int], say: Tongue) -> Table:
    """One row a layout: its ways, micro-batch, what is computed again and shared, memory of a chip and time of a step."""
    c, e = layouts.configs, layouts.estimate
    body = [
        (
            layout_of(c, row),
            cell(float(c.micro_batch[row])),
            recompute_of(c, row, say),
            sharding_of(c, row, say),
            cell(float(e.memory.total[row]), GIGABYTE),
            cell(float(e.step_time[0, row])),
        )
        for row in rows
    ]
    columns = [
        (say("reporting.column.layout_only"), "id"),
        (say("reporting.column.micro_batch"), "number"),
        (say("reporting.column.recompute"), "text"),
        (say("reporting.column.sharding"), "text"),
        (say("reporting.column.held_gb"), "number"),
        (say("reporting.column.step_s"), "number"),
    ]
    return table(columns, body)  # type: ignore[arg-type]


def fell(found: Found, say: Tongue) -> list[Block]:
    """How many layouts were tried, how many run, and how many fell by which reason."""
    lines: list[Block] = [Line(say("reporting.train.tried", tried=cell(found.tried), running=cell(found.running)))]
    if not found.reasons:
        return lines
    rows = [(cell(count), say(f"performance.reasons.{name}")) for name, count in sorted(found.reasons.items(), key=lambda pair: -pair[1])]
    return [*lines, table([(say("reporting.column.layouts"), "number"), (say("reporting.column.reason"), "text")], rows)]
