"""All files of ``data/`` and of a user's overlay folders, by kind and id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, TypeVar

from suanli.errors import BadFile, UnknownName
from suanli.facts.fact import Fact
from suanli.facts.reader import Schema, read_record, read_rows

S = TypeVar("S", bound=Schema)

DATA = Path(str(files("suanli"))) / "data"


@dataclass(frozen=True)
class Record(Generic[S]):
    """One file: its validated content and the facts in it."""

    content: S
    facts: dict[str, Fact]
    path: Path
    own: bool  # from a user's overlay


@dataclass(frozen=True)
class Catalogue:
    """Where facts are looked up; ``overlays`` are folders laid out like ``data/`` whose files add to or replace ours, last wins."""

    overlays: Sequence[Path] = ()
    _records: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for folder in self.overlays:
            if not Path(folder).is_dir():
                raise BadFile("errors.folder_missing", folder=str(folder))

    def paths(self, kind: str, suffix: str = ".toml") -> dict[str, tuple[Path, bool]]:
        """id -> (file, whether it is the user's own). Overlays may also hold the files flat, named ``<id>.chip.toml``-free: by folder only."""
        found: dict[str, tuple[Path, bool]] = {}
        for root, own in [(DATA, False), *((Path(folder), True) for folder in self.overlays)]:
            for path in sorted((root / kind).rglob(f"*{suffix}")):
                found[path.stem] = (path, own)
        return found

    def all_paths(self, kind: str, stem: str, suffix: str = ".csv") -> list[tuple[Path, bool]]:
        """Every file ``kind/**/stem.suffix``, ours first, then those of the overlays: unlike ``paths``, none replaces another."""
        roots = [(DATA, False), *((Path(folder), True) for folder in self.overlays)]
        return [(path, own) for root, own in roots for path in sorted((root / kind).rglob(f"{stem}{suffix}"))]

    def table(self, kind: str, stem: str, schema: type[S]) -> list[S]:
        """The rows of ``kind/stem.csv``, ours, and after them those the overlays add under the same name; read once."""
        if ("table", kind, stem) not in self._records:
            self._records["table", kind, stem] = [row for path, _ in self.all_paths(kind, stem) for row in read_rows(path, schema)]
        rows: list[S] = self._records["table", kind, stem]
        return rows

    def records(self, kind: str, schema: type[S]) -> dict[str, Record[S]]:
        """Every record of ``kind`` (a folder of ``data/``), read once."""
        if kind not in self._records:
            self._records[kind] = {name: self._read(path, own, schema) for name, (path, own) in self.paths(kind).items()}
        records: dict[str, Record[S]] = self._records[kind]
        return records

    def record(self, kind: str, name: str, schema: type[S]) -> Record[S]:
        """One record by id without reading the others; ``UnknownName`` with the nearest ids."""
        if kind in self._records and name in self._records[kind]:
            found: Record[S] = self._records[kind][name]
            return found
        paths = self.paths(kind)
        if name not in paths:
            raise UnknownName(kind.removesuffix("s"), name, paths)
        return self._read(*paths[name], schema)

    def rows(self, kind: str, schema: type[S]) -> list[S]:
        """All rows of the CSV files of ``kind``, ours and the overlays'."""
        if ("rows", kind) not in self._records:
            self._records["rows", kind] = [row for path, _ in self.paths(kind, ".csv").values() for row in read_rows(path, schema)]
        rows: list[S] = self._records["rows", kind]
        return rows

    @staticmethod
    def _read(path: Path, own: bool, schema: type[S]) -> Record[S]:
        content, facts = read_record(path, schema)
        return Record(content, facts, path, own)
