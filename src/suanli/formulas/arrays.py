"""The one array type of the formulas."""

from __future__ import annotations

from typing import Any, TypeAlias

#: a float or a numpy array of floats; formulas broadcast
Array: TypeAlias = Any
