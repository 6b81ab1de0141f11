"""Reading a request trace: Azure CSV, BurstGPT CSV, Mooncake JSONL, or parquet with our own column names.

Every reader returns arrivals in seconds from the first request, sorted. A file is recognised by its ending and its columns:

=========  =====================================================================================================
Azure      ``TIMESTAMP,ContextTokens,GeneratedTokens`` (date and time)
BurstGPT   ``Timestamp,...,Request tokens,Response tokens,...`` (seconds; rows without a response have failed and are left out)
Mooncake   one JSON object a line: ``timestamp`` (ms), ``input_length``, ``output_length``, optionally ``hash_ids``
own        parquet or CSV: ``arrival_s, prompt_tokens, output_tokens``, optionally ``hash_ids`` (parquet)
=========  =====================================================================================================
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suanli.errors import BadFile
from suanli.units import factor

OWN = ("arrival_s", "prompt_tokens", "output_tokens")
AZURE = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
BURSTGPT = ("Timestamp", "Request tokens", "Response tokens")
MOONCAKE = ("timestamp", "input_length", "output_length")


@dataclass(frozen=True, eq=False)
class Trace:
    """Requests in order of arrival: ``arrival`` [s] from the first, ``prompt`` and ``output`` [tokens], each (N,).

    ``blocks`` holds, per request, the ids of its prompt blocks (equal ids = the same prefix); empty where the trace has none.
    """

    arrival: NDArray[np.float64]
    prompt: NDArray[np.int64]
    output: NDArray[np.int64]
    blocks: tuple[tuple[int, ...], ...] = ()

    def __len__(self) -> int:
        return len(self.arrival)


def read_trace(path: str | Path) -> Trace:
    """The trace in ``path``. Raises ``BadFile``, one line, on a missing file, column or number, or where parquet needs an extra."""
    path = Path(path)
    if not path.is_file():
        raise BadFile("errors.file_missing", file=str(path))
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}
    if path.suffix.lower() not in readers:
        raise BadFile("workloads.trace_format", file=str(path), known=", ".join(readers))
    try:
        trace = readers[path.suffix.lower()](path)
    except UnicodeDecodeError as error:
        raise BadFile("errors.file_syntax", file=str(path), detail=str(error)) from None
    if len(trace) == 0:
        raise BadFile("workloads.trace_empty", file=str(path))
    return trace


def _trace(path: Path, columns: tuple[str, str, str], arrival: Any, prompt: Any, output: Any, blocks: Any = ()) -> Trace:
    arrays = {}
    for name, column in zip(columns, (arrival, prompt, output), strict=True):
        try:
            values = np.asarray(column, np.float64)
        except (TypeError, ValueError) as error:
            raise BadFile("workloads.trace_number", file=str(path), column=name, detail=str(error)) from None
        good = np.isfinite(values) & ((values >= 0) | (name == columns[0]))
        if not good.all():
            row = int(np.argmin(good))
            raise BadFile("workloads.trace_number", file=str(path), column=name, detail=f"{values[row]:g} (#{row + 1})")
        arrays[name] = values
    times, *lengths = arrays.values()
    order = np.argsort(times, kind="stable")
    start = times[order[0]] if len(times) else 0.0
    prompts, outputs = (each[order].astype(np.int64) for each in lengths)
    return Trace(times[order] - start, prompts, outputs, tuple(tuple(blocks[row]) for row in order) if len(blocks) else ())


def _missing(path: Path, wanted: tuple[str, ...], found: Any) -> BadFile:
    missing = [each for each in wanted if each not in found]
    return BadFile("workloads.trace_columns", file=str(path), missing=", ".join(missing), found=", ".join(map(str, found)))


def _read_csv(path: Path) -> Trace:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        names = reader.fieldnames or []
        rows = list(reader)
    layouts = (AZURE, BURSTGPT, OWN)
    columns = max(layouts, key=lambda layout: sum(each in names for each in layout))
    if any(each not in names for each in columns):
        raise _missing(path, columns, names)
    if columns is BURSTGPT:
        rows = [row for row in rows if row["Response tokens"] not in ("0", "0.0")]
    time, prompt, output = ([row[each] for row in rows] for each in columns)
    return _trace(path, columns, _moments(path, time) if columns is AZURE else time, prompt, output)


def _moments(path: Path, texts: list[str]) -> Any:
    """Seconds of dates and times; the zone at the end (+00:00, Z) is the same in every row and left out."""
    try:
        moments = np.array([text.strip().removesuffix("Z").removesuffix("+00:00") for text in texts], "datetime64[ns]")
    except (ValueError, AttributeError) as error:
        raise BadFile("workloads.trace_number", file=str(path), column=AZURE[0], detail=str(error)) from None
    return (moments - moments.min()).astype(np.float64) * factor("ns", "second") if len(moments) else moments.astype(np.float64)


def _read_jsonl(path: Path) -> Trace:
    rows: list[dict[str, Any]] = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise BadFile("errors.file_syntax", file=f"{path}:{number}", detail=str(error)) from None
            if not isinstance(row, dict) or any(each not in row for each in MOONCAKE):
                raise _missing(Path(f"{path}:{number}"), MOONCAKE, row if isinstance(row, dict) else ())
            rows.append(row)
    blocks = [row["hash_ids"] for row in rows] if rows and all("hash_ids" in row for row in rows) else ()
    time, prompt, output = ([row[each] for row in rows] for each in MOONCAKE)
    trace = _trace(path, MOONCAKE, time, prompt, output, blocks)
    return Trace(trace.arrival * factor("ms", "second"), trace.prompt, trace.output, trace.blocks)


def _read_parquet(path: Path) -> Trace:
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise BadFile("workloads.trace_needs_pyarrow", file=str(path)) from None
    try:
        names = parquet.read_schema(path).names
        if any(each not in names for each in OWN):
            raise _missing(path, OWN, names)
        table = parquet.read_table(path, columns=[*OWN, *(["hash_ids"] if "hash_ids" in names else [])])
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise BadFile("errors.file_syntax", file=str(path), detail=str(error).splitlines()[0]) from None
    blocks = table["hash_ids"].to_pylist() if "hash_ids" in table.column_names else ()
    time, prompt, output = (table[each].to_numpy() for each in OWN)
    return _trace(path, OWN, time, prompt, output, blocks)
