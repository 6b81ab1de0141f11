"""suanli (算力): which AI chips can run a model, how many, how fast, at what cost, and may they be bought.

>>> import suanli
>>> catalogue = suanli.open_catalogue()
>>> suanli.find_chip(catalogue, "H20").vendor
'NVIDIA'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suanli.api import (
        accuracy_export,
        accuracy_serving,
        accuracy_summary,
        accuracy_training,
        check_export,
        explain_option,
        export_all,
        export_design,
        export_timeline,
        export_verdict,
        find_chip,
        find_goods,
        find_model,
        find_place,
        find_system,
        find_workload,
        open_catalogue,
        plan,
        predict_export,
        predict_serving,
        predict_training,
        serve,
        train,
        training_accuracy_summary,
    )
    from suanli.errors import BadFile, BadInput, Conflict, NoAnswer, SuanliError, UnknownName, UnknownUnit

_ERRORS = ("BadFile", "BadInput", "Conflict", "NoAnswer", "SuanliError", "UnknownName", "UnknownUnit")

__all__ = [
    "BadFile",
    "BadInput",
    "Conflict",
    "NoAnswer",
    "SuanliError",
    "UnknownName",
    "UnknownUnit",
    "accuracy_export",
    "accuracy_serving",
    "accuracy_summary",
    "accuracy_training",
    "check_export",
    "explain_option",
    "export_all",
    "export_design",
    "export_timeline",
    "export_verdict",
    "find_chip",
    "find_goods",
    "find_model",
    "find_place",
    "find_system",
    "find_workload",
    "open_catalogue",
    "plan",
    "predict_export",
    "predict_serving",
    "predict_training",
    "serve",
    "train",
    "training_accuracy_summary",
]


def __getattr__(name: str) -> Any:
    """The public names, imported when first used: ``import suanli`` itself costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'suanli' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("suanli.errors" if name in _ERRORS else "suanli.api"), name)
