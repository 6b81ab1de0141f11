"""Chips and the systems they are sold in: typed views over facts."""

from suanli.hardware.chip import PRECISIONS, Chip, ChipFile, load_chips
from suanli.hardware.platform import Platforms, platforms_of, vendor_of
from suanli.hardware.system import System, SystemFile, load_systems, usual_system

__all__ = ["PRECISIONS", "Chip", "ChipFile", "Platforms", "System", "SystemFile", "load_chips", "load_systems", "platforms_of", "usual_system", "vendor_of"]
