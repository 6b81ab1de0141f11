"""One deployment asked about: a model on given chips under a given load."""

from __future__ import annotations

from dataclasses import dataclass

from suanli.hardware import Chip, System
from suanli.models import Model
from suanli.performance.configs import Configs, Estimate
from suanli.performance.explain import Explanation


@dataclass(frozen=True)
class Serving:
    """One deployment: the layout used, its estimate (S = 3), its explanation, the layouts that were compared and what was assumed."""

    model: Model
    chip: Chip
    system: System | None
    precision: str
    row: Configs
    estimate: Estimate
    explanation: Explanation
    compared: Configs
    compared_estimate: Estimate
    assumed: tuple[str, ...]
