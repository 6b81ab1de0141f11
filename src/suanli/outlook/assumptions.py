"""What outlooks take for granted, each with its source."""

from __future__ import annotations

from collections.abc import Mapping

from suanli.facts import Catalogue, Fact, Schema
from suanli.facts.reader import SourceFile, quantity


class OutlookAssumptions(Schema):
    """``data/assumptions/outlook.toml``."""

    sources: dict[str, SourceFile]
    tokens_per_parameter: quantity("1")  # type: ignore[valid-type]
    days: quantity("second")  # type: ignore[valid-type]
    price_spread: quantity("1")  # type: ignore[valid-type]
    cluster: quantity("1")  # type: ignore[valid-type]


def load_outlook(catalogue: Catalogue) -> Mapping[str, Fact]:
    """The assumptions as facts."""
    return catalogue.record("assumptions", "outlook", OutlookAssumptions).facts
