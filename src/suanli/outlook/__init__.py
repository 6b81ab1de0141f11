"""Where compute, the market and the makers are going: dated series, growth, forecasts against what came true."""

from suanli.outlook.accounts import Account, CompanyYear, load_accounts, years_of
from suanli.outlook.assumptions import load_outlook
from suanli.outlook.company import Company, companies, company_of
from suanli.outlook.compute import RULES, Growth, TrainedModel, grew, load_trained, sample
from suanli.outlook.groups import Group, groups_of
from suanli.outlook.market import Growth as SeriesGrowth
from suanli.outlook.market import Judged, Market, Point, Title, grown, judged, load_points, load_titles, market_of
from suanli.outlook.period import Period, period_of

__all__ = [
    "RULES",
    "Account",
    "Company",
    "CompanyYear",
    "Group",
    "Growth",
    "Judged",
    "Market",
    "Period",
    "Point",
    "SeriesGrowth",
    "Title",
    "TrainedModel",
    "companies",
    "company_of",
    "grew",
    "groups_of",
    "grown",
    "judged",
    "load_accounts",
    "load_outlook",
    "load_points",
    "load_titles",
    "load_trained",
    "market_of",
    "period_of",
    "sample",
    "years_of",
]
