"""The only cost functions, and what a chip without a price probably costs."""

from suanli.economics.cost import CostBreakdown, EnergyCarbon, buy_cost, energy_and_carbon, rent_cost
from suanli.economics.estimate import PriceBand, class_price_band

__all__ = ["CostBreakdown", "EnergyCarbon", "PriceBand", "buy_cost", "class_price_band", "energy_and_carbon", "rent_cost"]
