"""A workload file of ``data/workloads/`` from a trace: only statistics, never the trace itself.

    python scripts/workload_statistics.py TRACE --id my-traffic --name "My traffic" --title "Our gateway log" > my-traffic.toml

TRACE is an Azure or BurstGPT CSV, a Mooncake JSONL, or a parquet or CSV with arrival_s, prompt_tokens, output_tokens.
A trace that others published needs --url. Latency targets (--ttft, --tpot, seconds) are written as assumed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys

from suanli.errors import SuanliError
from suanli.workloads import Lengths, TraceStatistics, read_trace, statistics_of


def text(value: str) -> str:
    """A TOML string."""
    return json.dumps(value, ensure_ascii=False)


def fact(value: float, unit: str, source: str = "trace", **more: str) -> str:
    """An inline TOML fact with six significant digits."""
    extra = "".join(f", {key} = {text(each)}" for key, each in more.items() if each)
    return f'{{ value = {float(f"{value:.6g}"):.10g}, unit = "{unit}", source = "{source}"{extra} }}'


def length_table(name: str, lengths: Lengths) -> list[str]:
    lines = ["", f"[{name}]", f"mean = {fact(lengths.mean, 'token')}", "quantile = ["]
    for probability, value in zip(lengths.probabilities, lengths.values, strict=True):
        lines.append(f"  {{ probability = {probability:g}, length = {fact(value, 'token')} }},")
    return [*lines, "]"]


def toml(found: TraceStatistics, options: argparse.Namespace) -> str:
    lines = [f"id = {text(options.id)}", f"name = {text(options.name)}", f"name_zh = {text(options.name_zh or options.name)}"]
    lines += [f"aliases = [{', '.join(map(text, options.alias))}]"] if options.alias else []
    lines += [f"note = {text(options.note)}"] if options.note else []
    lines += [f"requests = {fact(found.requests, '1')}"]
    one = {"rate": (found.rate, "/s"), "mean_context": (found.mean_context, "token")}
    lines += [f"{key} = {fact(value, unit)}" for key, (value, unit) in one.items() if math.isfinite(value)]
    lines += ["", "[sources.trace]", f"title = {text(options.title)}"]
    for key in ("url", "read_on", "tier", "licence"):
        value = getattr(options, key)
        lines += [f"{key} = {text(value)}"] if value else []
    if options.slo_title:
        lines += ["", "[sources.slo]", f"title = {text(options.slo_title)}", 'tier = "assumed"']
    lines += length_table("input_length", found.input_length) + length_table("output_length", found.output_length)
    tables = {
        "arrivals": {"burstiness": found.burstiness, "peak_to_mean": found.peak_to_mean},
        "joint": {"pearson": found.pearson, "spearman": found.spearman},
        "prefix": {"hit": found.prefix_hit},
    }
    for table, entries in tables.items():
        known = {key: value for key, value in entries.items() if math.isfinite(value)}
        lines += ["", f"[{table}]", *(f"{key} = {fact(value, '1')}" for key, value in known.items())] if known else []
        if table == "joint" and found.output_by_input_quarter:
            lines += ["output_by_input_quarter = ["] + [f"  {fact(each, 'token')}," for each in found.output_by_input_quarter] + ["]"]
    targets = {key: getattr(options, key) for key in ("ttft", "tpot") if getattr(options, key) is not None}
    lines += ["", "[slo]", *(f"{key} = {fact(value, 's', 'slo')}" for key, value in targets.items())] if targets else []
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace")
    parser.add_argument("--id", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--name-zh", default="")
    parser.add_argument("--alias", action="append", default=[])
    parser.add_argument("--note", default="")
    parser.add_argument("--title", required=True, help="where the trace comes from")
    parser.add_argument("--url", default="")
    parser.add_argument("--read-on", default="", help="the day it was read, 2026-11-23")
    parser.add_argument("--tier", default="measured", help="measured, official, reported, derived, estimated or assumed")
    parser.add_argument("--licence", default="")
    parser.add_argument("--ttft", type=float)
    parser.add_argument("--tpot", type=float)
    parser.add_argument("--slo-title", default="", help="where the latency targets come from")
    options = parser.parse_args()
    if (options.ttft is not None or options.tpot is not None) and not options.slo_title:
        parser.error("--ttft and --tpot need --slo-title")
    try:
        sys.stdout.write(toml(statistics_of(read_trace(options.trace)), options))
    except SuanliError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
