"""The shape of the rule book's files: ``data/rules/<jurisdiction>/<id>.toml``, ``terms.toml`` and the three tables.

A rule has dates, a citation and entries. Entries are of five kinds: *classify* (which entry of the control list an item falls under),
*require* (a licence label), *exempt* (an exception that replaces the label of named rules), *review* (a policy that replaces that of
named rules) and *notice*. An entry applies where its ``scope`` (who, where, what for) and its ``when`` (what the item is) hold.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from suanli.facts import Schema
from suanli.facts.reader import Day, Name, PlannedDay

MetricName = Literal[
    "total_processing_performance", "performance_density", "io_bandwidth", "memory_bandwidth", "dram_bandwidth",
    "memory_and_io_bandwidth", "memory_bandwidth_density", "transistors", "process", "cluster_fp64", "cluster_fp32", "owner_share",
]  # fmt: skip
FlagName = Literal["datacentre", "has_hbm", "memory_device", "foundry_shipment", "planar"]
Operator = Literal[">=", ">", "<", "<="]
Binding = Literal["rule", "letter", "guidance", "advisory", "not_enforced", "proposal"]
Kind = Literal["export", "reexport", "transfer", "transit", "import", "use", "analysis", "domestic"]

#: what is written but is not law, or is not applied: its requirements count only where somebody supposes them
PROPOSAL = "proposal"
HYPOTHETICAL = ("not_enforced", PROPOSAL)


class Condition(Schema):
    """Exactly one of: ``all_of``, ``any_of``, a metric compared with a value, a flag, a list of codes, names, designers, or a day."""

    all_of: tuple[Condition, ...] | None = None
    any_of: tuple[Condition, ...] | None = None
    metric: MetricName | None = None
    op: Operator | None = None
    value: float | None = None
    flag: FlagName | None = None
    is_: bool | None = Field(default=None, alias="is")
    eccn: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    designers: tuple[Literal["approved", "authorised"], ...] | None = None
    released_by: Day | None = None

    @model_validator(mode="after")
    def _one(self) -> Condition:
        heads = (self.all_of, self.any_of, self.metric, self.flag, self.eccn, self.names, self.designers, self.released_by)
        if sum(each is not None for each in heads) != 1:
            raise ValueError("a condition is exactly one of all_of, any_of, metric, flag, eccn, names, designers, released_by")
        if (self.metric is None) != (self.op is None) or (self.op is None) != (self.value is None):
            raise ValueError("metric, op and value go together")
        if (self.flag is None) != (self.is_ is None):
            raise ValueError("flag and is go together")
        return self


class Area(Schema):
    """A set of countries: named, or in a group, less those named or grouped as not in it; ``or_names``: or an item of such a name."""

    countries: tuple[str, ...] = ()
    in_groups: tuple[str, ...] = ()
    not_in_groups: tuple[str, ...] = ()
    not_countries: tuple[str, ...] = ()
    or_names: tuple[str, ...] = ()


class Scope(Schema):
    """Who and what for; everything given must hold. ``home``: whether the destination is the maker's own country; ``footnotes``: of the
    listed party's entry on the list.
    """

    destination: Area | None = None
    headquarters: Area | None = None
    maker: Area | None = None
    not_maker: Area | None = None
    vendors: tuple[str, ...] | None = None
    parties: tuple[str, ...] | None = None
    listed: Literal["party", "owner"] | None = None
    footnotes: tuple[str, ...] | None = None
    transactions: tuple[Kind, ...] | None = None
    origin: tuple[str, ...] | None = None
    home: bool | None = None

    @property
    def of_seller(self) -> bool:
        """Whether it asks who sells or makes the item."""
        return self.vendors is not None or self.maker is not None or self.not_maker is not None


class Entry(Schema):
    """``text`` is a key of ``rules.clause`` (default: the rule's id); ``clause`` and ``url`` where they differ from the rule's."""

    text: str = ""
    clause: str = ""
    from_: Day | PlannedDay | None = Field(default=None, alias="from")
    until: PlannedDay | None = None
    url: str = ""
    scope: Scope = Scope()
    when: Condition | None = None


class Classify(Entry):
    """``stated``: said by an issuer or regulator; used only where the numbers leave the code open."""

    eccn: str
    stated: bool = False


class Require(Entry):
    """``rank`` and ``outcome`` replace those of the label (``terms.toml``)."""

    licence: str
    review: str = "not_published"
    rank: int | None = None
    outcome: Literal["allowed", "licence", "prohibited"] | None = None


class Exempt(Entry):
    of: tuple[Name, ...]
    licence: str


class Review(Entry):
    of: tuple[Name, ...]
    review: str


class Notice(Entry):
    pass


class Title(Schema):
    en: str
    zh: str


class RuleFile(Schema):
    """``data/rules/<jurisdiction>/<id>.toml``."""

    id: Name
    layer: str
    binding: Binding
    title: Title
    authority: str
    citation: str
    url: str
    also_read: tuple[str, ...] = ()
    published: Day
    from_: PlannedDay = Field(alias="from")
    until: PlannedDay | None = None
    confidence: Literal["high", "medium", "low"]
    still_valid_on: Day
    classify: tuple[Classify, ...] = ()
    require: tuple[Require, ...] = ()
    exempt: tuple[Exempt, ...] = ()
    review: tuple[Review, ...] = ()
    notice: tuple[Notice, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All of them."""
        return (*self.classify, *self.require, *self.exempt, *self.review, *self.notice)


class Words(Schema):
    kind: Kind
    words: tuple[str, ...]


class Label(Schema):
    rank: int
    outcome: Literal["allowed", "licence", "prohibited"]


class Layer(Schema):
    group: str
    licence: str
    review: str
    classifies: bool


class Lanes(Schema):
    source: str
    url: str
    lane: dict[str, float]


class Planar(Schema):
    process_from: float
    except_foundries: tuple[str, ...]
    source: str
    url: str


class Terms(Schema):
    """``data/rules/terms.toml``: what the rules share."""

    verified_until: Day
    first_day: Day
    home: str
    iso_3166: str
    country_names: dict[str, str]
    bit_lengths: dict[str, int]
    pcie: Lanes
    planar: Planar
    transaction: tuple[Words, ...]
    licence: dict[str, Label]
    review: dict[str, int]
    layer: dict[str, Layer]
    assembly: dict[str, str]


class CountryRow(Schema):
    """A row of ``country_groups.csv``: the groups of a country from a day on."""

    country: str
    name: str
    name_zh: str
    groups: str = ""
    since: Day
    counts_as: str = ""
    confidence: str
    source: str
    url: str


class PartyRow(Schema):
    """A row of ``entity_list.csv``; ``aliases`` and ``name_zh`` are separated by ``|``."""

    name: str
    aliases: str = ""
    name_zh: str = ""
    listed: Literal["yes", "no"]
    since: Day | None = None
    citation: str = ""
    footnote: str = ""
    checked: Day
    source: str
    url: str


class SeatRow(Schema):
    """A row of ``seats.csv``: where a company sits; ``aliases`` are separated by ``|``."""

    company: str
    aliases: str = ""
    country: str
    source: str
    url: str
