"""Imports only go down; rooms on one floor do not see each other; formulas and facts never meet."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "suanli"
FLOORS = {
    "units": 0, "errors": 0, "words": 0,
    "facts": 1, "formulas": 1,
    "hardware": 2, "models": 2, "workloads": 2, "places": 2,
    "performance": 3,
    "simulation": 4, "economics": 4, "rules": 4, "outlook": 4, "scoring": 4,
    "planning": 5, "articles": 5,
    "api": 6, "reporting": 6,
    "cli": 7, "web": 7,
}  # fmt: skip
#: rooms of the ground floor are one staircase: words, then errors, then units
GROUND = ["words", "errors", "units"]


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module == "suanli":
            names = [f"suanli.{each.name}" for each in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("suanli.")}
    return found


FILES = [path for path in sorted(SOURCE.rglob("*.py")) if room(path) not in ("__init__", "__main__")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_room_imports_only_from_lower_floors(path: Path) -> None:
    here = room(path)
    for other in imported_rooms(path) - {here}:
        assert here in FLOORS, f"{here} is in no floor"
        assert other in FLOORS, f"{here} imports {other}, which is in no floor"
        lower = FLOORS[other] < FLOORS[here]
        staircase = here in GROUND and other in GROUND and GROUND.index(other) < GROUND.index(here)
        assert lower or staircase, f"{here} (floor {FLOORS[here]}) imports {other} (floor {FLOORS[other]})"


def test_data_holds_no_python() -> None:
    assert not list((SOURCE / "data").rglob("*.py"))


def test_no_number_hides_in_a_formula_of_another_room() -> None:
    """Formulas know no facts: they import nothing of suanli but their own room."""
    for path in (SOURCE / "formulas").glob("*.py"):
        assert imported_rooms(path) <= {"formulas"}, path
