"""One model of the catalogue: its published facts, its architecture and its op list."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from suanli.facts import Catalogue, Fact, Record, Schema
from suanli.facts.reader import Day, Name, SourceFile, quantity
from suanli.models.architecture import Architecture
from suanli.models.op import Op
from suanli.models.recipes import draft_operators, operators


class Published(Schema):
    """What the owner says of the size, embeddings included unless noted."""

    parameters: quantity("1") | None = None  # type: ignore[valid-type]
    active: quantity("1") | None = None  # type: ignore[valid-type]


class Weights(Schema):
    """Precision of the published checkpoint: ``default`` for the linear layers, ``experts`` where the routed experts differ."""

    default: str = "bf16"
    experts: str = ""


class ModelFile(Schema):
    """``data/models/<id>.toml``; ``source`` names where the architecture was read."""

    id: Name
    name: str
    name_zh: str = ""
    developer: str
    family: str = ""
    aliases: tuple[str, ...] = ()
    released: Day | None = None
    licence: str = ""
    note: str = ""
    source: str
    sources: dict[str, SourceFile]
    published: Published = Published()
    weights: Weights = Weights()
    architecture: Architecture


@dataclass(frozen=True)
class Model:
    """A frozen view of one model.

    ``ops`` is the op list of a forward pass; ``parameters`` and ``active`` are computed from it (embeddings included in the total, the
    input table not in ``active``); ``published_parameters`` is what the owner states (NaN where it does not).
    """

    id: str
    name: str
    name_zh: str
    developer: str
    aliases: tuple[str, ...]
    released: str
    note: str
    architecture: Architecture
    ops: tuple[Op, ...]
    draft_ops: tuple[Op, ...]
    weights: Weights
    published_parameters: float
    published_active: float
    own: bool = False
    facts: Mapping[str, Fact] = field(default_factory=dict, repr=False, compare=False)

    @property
    def parameters(self) -> float:
        """All parameters of the main model: ops, input embedding, tied head counted once, positions, norms and the rest."""
        arch = self.architecture
        ops = sum(op.count * op.weights for op in self.ops)
        embedding = 0 if arch.tied_embeddings else arch.vocabulary * arch.hidden
        return ops + embedding + arch.positions * arch.hidden + (arch.parts + 1) * arch.hidden + arch.extra_parameters

    @property
    def active(self) -> float:
        """Parameters one token passes through, head included, input embedding not."""
        return sum(op.count * op.active_weights for op in self.ops) + (self.architecture.parts + 1) * self.architecture.hidden


def model_of(record: Record[ModelFile]) -> Model:
    """The view of one record."""
    file, facts = record.content, record.facts
    published = {key: facts[f"published.{key}"].value if f"published.{key}" in facts else math.nan for key in ("parameters", "active")}
    return Model(
        id=file.id, name=file.name, name_zh=file.name_zh, developer=file.developer, aliases=file.aliases, released=file.released or "",
        note=file.note, architecture=file.architecture, ops=operators(file.architecture), draft_ops=draft_operators(file.architecture),
        weights=file.weights, published_parameters=published["parameters"], published_active=published["active"],
        own=record.own, facts=facts,
    )  # fmt: skip


def load_models(catalogue: Catalogue) -> dict[str, Model]:
    """Every model by id."""
    return {name: model_of(record) for name, record in catalogue.records("models", ModelFile).items()}
