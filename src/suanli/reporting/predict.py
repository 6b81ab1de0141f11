"""What became of the cases of a prediction."""

from __future__ import annotations

from collections.abc import Mapping

from suanli.reporting.document import Headline, Line, Report, report, table
from suanli.reporting.tongue import Tongue


def summary_report(rows: int, answered: int, reasons: Mapping[str, int], tiers: Mapping[str, int], out: str, say: Tongue) -> Report:
    """How many rows have an answer, why the others have none, how sure the answers are."""
    left = [(str(count), say(f"performance.reasons.{name}")) for name, count in sorted(reasons.items(), key=lambda pair: -pair[1])]
    sure = [say("reporting.predict.tier", tier=say(f"tiers.name.{name}"), count=count) for name, count in sorted(tiers.items(), key=lambda pair: -pair[1])]
    return report(
        Headline(say("reporting.predict.headline", answered=answered, rows=rows, out=out)),
        table([(say("reporting.column.count"), "number"), (say("reporting.column.reason"), "text")], left) if left else None,
        Line(", ".join(sure)) if sure else None,
    )
