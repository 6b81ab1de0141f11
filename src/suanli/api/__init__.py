"""What a face may call. Every function takes a ``Catalogue`` first and returns frozen data; none prints."""

from suanli.api.export import (
    accuracy_export,
    book_of,
    check_export,
    existing,
    export_all,
    export_design,
    export_lines,
    export_timeline,
    export_verdict,
    find_goods,
    predict_export,
)
from suanli.api.finding import find_chip, find_model, find_place, find_system, find_workload, open_catalogue, trace_workload
from suanli.api.outlook import company, compute_groups, compute_growth, frontier_run, makers, market, silicon
from suanli.api.serving import PREDICTED, accuracy_serving, accuracy_summary, explain_option, plan, predict_serving, serve
from suanli.api.tables import read_rows
from suanli.api.training import accuracy_training, predict_training, train, training_accuracy_summary
from suanli.hardware import load_chips, load_systems
from suanli.models import load_models
from suanli.places import load_places
from suanli.planning import Serving
from suanli.planning.training import TrainingPlan
from suanli.workloads import load_workloads

__all__ = [
    "PREDICTED",
    "Serving",
    "TrainingPlan",
    "accuracy_export",
    "accuracy_serving",
    "accuracy_summary",
    "accuracy_training",
    "book_of",
    "check_export",
    "company",
    "compute_groups",
    "compute_growth",
    "existing",
    "explain_option",
    "export_all",
    "export_design",
    "export_lines",
    "export_timeline",
    "export_verdict",
    "find_chip",
    "find_goods",
    "find_model",
    "find_place",
    "find_system",
    "find_workload",
    "frontier_run",
    "load_chips",
    "load_models",
    "load_places",
    "load_systems",
    "load_workloads",
    "makers",
    "market",
    "open_catalogue",
    "plan",
    "predict_export",
    "predict_serving",
    "predict_training",
    "read_rows",
    "serve",
    "silicon",
    "trace_workload",
    "train",
    "training_accuracy_summary",
]
