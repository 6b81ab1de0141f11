"""The export-rule engine: may this chip go there, on that day, and by which rule."""

from suanli.rules.book import RuleBook, default_book, load_book
from suanli.rules.cases import question_of
from suanli.rules.engine import check, screen
from suanli.rules.item import Item, item_of
from suanli.rules.verdict import Branch, Clause, LayerAnswer, Margin, Screen, Verdict

__all__ = [
    "Branch",
    "Clause",
    "Item",
    "LayerAnswer",
    "Margin",
    "RuleBook",
    "Screen",
    "Verdict",
    "check",
    "default_book",
    "item_of",
    "load_book",
    "question_of",
    "screen",
]
