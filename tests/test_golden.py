"""The golden grid: a change that moves predictions must be accepted on purpose."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "golden.py"


@pytest.fixture(scope="module")
def golden() -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["golden"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_no_prediction_of_training_moved_without_being_accepted(golden):
    spec = importlib.util.spec_from_file_location("golden_training", SCRIPT.with_name("golden_training.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    today = module.predictions()
    assert 300 < len(today) < 800
    assert {row["model"] for row in today} == set(module.MODELS)
    assert sum(not row["why_not"] for row in today) > len(today) / 4
    found = golden.changes(golden.read(module.GOLDEN), today, module.KEYS, module.NUMBERS)
    if found:
        text = golden.report(found, len(today), module._line)
        pytest.fail(f"{text}\n\nIf this is meant: python scripts/golden_training.py --accept, and explain it in the commit.", pytrace=False)


@pytest.fixture(scope="module")
def today(golden):
    return golden.predictions()


def test_no_prediction_moved_without_being_accepted(golden, today):
    found = golden.changes(golden.read(), today)
    if found:
        pytest.fail(f"{golden.report(found, len(today))}\n\nIf this is meant: python scripts/golden.py --accept, and explain it in the commit.", pytrace=False)


def test_the_grid_mixes_every_model_chip_precision_layout_and_load(golden, today):
    assert 1500 < len(today) < 2500
    for axis, values in (("model", golden.MODELS), ("chip", golden.CHIPS), ("precision", golden.PRECISIONS)):
        assert {row[axis] for row in today} == set(values)
    assert {(row["tp"], row["pp"], row["dp"], row["ep"], row["prefill"]) for row in today if row["model"] not in golden.DENSE} == {
        tuple(map(str, layout)) for layout in golden.LAYOUTS
    }
    assert len({(row["clients"], row["input"], row["output"]) for row in today}) == len(golden.LOADS)
    answered = [row for row in today if not row["why_not"]]
    assert len(answered) > len(today) / 2
    assert {row["bound_by"] for row in answered} >= {"compute", "memory", "communication", "overhead", "queue"}
    assert {reason for row in today for reason in row["why_not"].split(";")} >= {"weights", "cache", "context"}


def test_a_moved_number_a_new_reason_and_a_gone_question_are_reported_and_a_rounding_is_not(golden, today):
    old = [dict(row) for row in today]
    answered = [row for row in old if not row["why_not"]]
    moved, rounded, lost, gone = answered[0], answered[1], answered[2], answered[3]
    moved["tpot"] = str(float(moved["tpot"]) / 1.1)
    rounded["tpot"] = str(float(rounded["tpot"]) * 1.004)
    lost |= {"why_not": "weights", **dict.fromkeys(golden.NUMBERS, ""), "bound_by": ""}
    old.remove(gone)
    found = golden.changes(old, today)
    assert len(found) == 3
    assert sorted(change.ratio for change in found)[0] == pytest.approx(1.1, rel=1e-3)
    assert sum(math.isinf(change.size) for change in found) == 2
    text = golden.report(found, len(today))
    for part in (f"3 of {len(today)}", moved["model"], moved["chip"], "why_not weights -> answered", "new question"):
        assert part in text


def test_accepting_makes_the_next_comparison_silent(golden, tmp_path, capsys):
    path = tmp_path / "golden" / "serving.csv"
    assert golden.main([], path) == 1
    assert golden.main(["--accept"], path) == 0
    assert golden.main([], path) == 0
    assert "none of" in capsys.readouterr().out.splitlines()[-1]
