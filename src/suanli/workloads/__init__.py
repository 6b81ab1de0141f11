"""Workloads: how many requests arrive, how long they are, how fast the answers must be; and reading a trace of one's own."""

from suanli.workloads.lengths import Lengths
from suanli.workloads.statistics import TraceStatistics, prefix_hit, statistics_of, workload_of_trace
from suanli.workloads.trace import Trace, read_trace
from suanli.workloads.workload import Workload, WorkloadFile, load_workloads, workload_of

__all__ = [
    "Lengths",
    "Trace",
    "TraceStatistics",
    "Workload",
    "WorkloadFile",
    "load_workloads",
    "prefix_hit",
    "read_trace",
    "statistics_of",
    "workload_of",
    "workload_of_trace",
]
