"""Chips and the systems they are sold in: typed views over facts."""

from suanli.hardware.chip import PRECISIONS, Chip, ChipFile, load_chips
from suanli.hardware.system import System, SystemFile, load_systems

__all__ = ["PRECISIONS", "Chip", "ChipFile", "System", "SystemFile", "load_chips", "load_systems"]
