"""The export-rule engine: may this chip go there, on that day, and by which rule."""

from suanli.rules.book import RuleBook, default_book, load_book
from suanli.rules.cases import question_of
from suanli.rules.design import Corner, Fastest, Goal, Reach, fastest, reached
from suanli.rules.engine import changes, check, screen, sweep
from suanli.rules.item import Item, item_of
from suanli.rules.logic import Items
from suanli.rules.predict import answer_of
from suanli.rules.question import Asked
from suanli.rules.timeline import Stretch, timeline
from suanli.rules.verdict import OUTCOMES, Branch, Clause, Hypothesis, LayerAnswer, Margin, Screen, Sweep, Verdict

__all__ = [
    "OUTCOMES",
    "Asked",
    "Branch",
    "Clause",
    "Corner",
    "Fastest",
    "Goal",
    "Hypothesis",
    "Item",
    "Items",
    "LayerAnswer",
    "Margin",
    "Reach",
    "RuleBook",
    "Screen",
    "Stretch",
    "Sweep",
    "Verdict",
    "answer_of",
    "changes",
    "check",
    "default_book",
    "fastest",
    "item_of",
    "load_book",
    "question_of",
    "reached",
    "screen",
    "sweep",
    "timeline",
]
