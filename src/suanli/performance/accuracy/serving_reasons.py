"""What can be seen of the reason why a prediction is far off: rules on the row and its prediction, no guesswork beyond them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from suanli.performance.cases import number
from suanli.performance.engines import engine_version

Row = Mapping[str, str]

#: a first token later than this [ms] that was predicted at less than half is a queue that the closed loop does not see
LATE = 5e3
#: prompts this many times longer than answers
LONG_PROMPTS = 4
#: fewer chips are not "many"
MANY_CHIPS = 4
NONE = "none"


def likely_reasons(row: Row, answer: Row, figure: str, too_high: bool, engines: Collection[str] = ()) -> tuple[str, ...]:
    """Keys of ``accuracy.reason`` that hold, the likeliest first; ``("none",)`` where nothing is visible.

    ``figure`` as in ``accuracy.FIGURES``, ``too_high``: predicted above measured; ``engines``: names and versions the fit knows.
    """
    assumed = {each.partition("=")[0] + "=": each for each in (answer.get("assumed") or "").split(";")}
    concurrency, chips = number(row, "concurrency_or_batch"), number(row, "n_chips")
    engine = engine_version(row.get("framework") or "")
    # a step that yields several tokens is faster than one that yields one: predicted times are then too high, rates too low
    measured_faster = too_high if figure in ("ttft_ms", "tpot_ms") else not too_high
    holds = {
        "chips": "n_chips=" in assumed,
        "split": "split=" in assumed,
        "load": "concurrency=" in assumed,
        "saturated": figure != "tpot_ms" and number(row, "ttft_ms") > LATE and number(answer, "ttft_ms") < number(row, "ttft_ms") / 2,
        "layout": "layout=" in assumed,
        "sheet": answer.get("tier") in ("estimated", "assumed"),
        "speculative": figure != "ttft_ms" and measured_faster and row.get("spec_decode", "none") in ("", "unknown"),
        "precision": "precision=" in assumed,
        "engine": bool(engines) and engine not in engines,
        "small_batch": concurrency <= chips and chips >= MANY_CHIPS,
        "prefill": number(row, "isl") >= LONG_PROMPTS * number(row, "osl"),
    }
    return tuple(name for name, held in holds.items() if held) or (NONE,)
