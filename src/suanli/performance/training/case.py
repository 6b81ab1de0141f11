"""One row of a table of training: what it may be laid out as, what was assumed, why it has no answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from suanli.hardware import Chip, vendor_of
from suanli.models import Model
from suanli.performance.reasons import Reason

Row = Mapping[str, str]

#: the day FlashAttention was out with code (Dao et al., arXiv 2205.14135): attention of earlier runs writes its scores
FUSED_SINCE = "2022-07"


@dataclass
class TrainingCase:
    """One row read: candidate configurations (columns of ``training_configs``) of which the best that fits is taken, what was assumed, why it has no answer."""

    id: str
    chip: Chip | None
    model: Model | None
    candidates: list[dict[str, float]] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    why_not: Reason = Reason.NONE
    framework: str = ""
    given: bool = False
    whole_scores: bool = True
    count_again: bool = False
    samples: float = math.nan
    benchmark: str = ""

    @property
    def chip_vendor(self) -> str:
        """The chip's maker, as ids begin."""
        return vendor_of(self.chip.id) if self.chip else ""
