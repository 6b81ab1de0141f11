"""Ask -> candidates -> screen -> size -> Plan."""

from suanli.planning.ask import Ask, Filled, make_ask
from suanli.planning.deployment import Serving
from suanli.planning.law import Legal
from suanli.planning.plan import Band, LeftOut, Option, Plan, make_plan

__all__ = ["Ask", "Band", "Filled", "LeftOut", "Legal", "Option", "Plan", "Serving", "make_ask", "make_plan"]
