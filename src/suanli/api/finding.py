"""The facts, and one thing of them by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suanli.errors import Conflict
from suanli.facts import Catalogue
from suanli.facts.names import index, resolve
from suanli.hardware import Chip, System, load_chips, load_systems, usual_system
from suanli.models import Model, read_model
from suanli.places import Place, filled, load_places
from suanli.places import find as find_place_in
from suanli.workloads import Workload, load_workloads, read_trace, workload_of_trace


def open_catalogue(data: Sequence[str | Path] = ()) -> Catalogue:
    """The bundled facts with the user's folders laid over them; ``BadFile`` where a folder does not exist."""
    return Catalogue(tuple(Path(each) for each in data))


def find_chip(catalogue: Catalogue, name: str) -> Chip:
    """A chip by id, alias or name; ``UnknownName`` with the nearest."""
    return resolve("chip", name, index(load_chips(catalogue).values()))


def find_model(catalogue: Catalogue, text: str) -> Model:
    """A model by name, alias, path of a config.json, hub URL or owner/name."""
    return read_model(text, catalogue)


def find_place(catalogue: Catalogue, name: str) -> Place:
    """A place by id, name, alias or ISO code, with what it lacks taken from its parents (and said in its facts)."""
    places = load_places(catalogue)
    return filled(find_place_in(places, name), places)


def find_workload(catalogue: Catalogue, name: str) -> Workload:
    """A workload by id, alias or name."""
    return resolve("workload", name, index(load_workloads(catalogue).values()))


def find_system(catalogue: Catalogue, name: str) -> System:
    """A system by id or name."""
    return resolve("system", name, index(load_systems(catalogue).values()))


def trace_workload(path: str | Path) -> Workload:
    """The workload that a trace file is: its rate, lengths and bursts. Raises ``BadFile``."""
    return workload_of_trace(read_trace(path), Path(path).name)


def chip_in_system(catalogue: Catalogue, chip: Chip, system: str | None) -> System | None:
    """The system named, or the usual one of the chip; ``Conflict`` where it holds another chip."""
    found = find_system(catalogue, system) if system else usual_system(chip, load_systems(catalogue).values())
    if found and found.chip != chip.id:
        raise Conflict("planning.other_chip", system=found.id, holds=found.chip, chip=chip.id)
    return found
