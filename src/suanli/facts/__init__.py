"""Reading ``data/``: what a fact is, where it comes from, and how sure we are of it."""

from suanli.facts.catalogue import Catalogue, Record
from suanli.facts.fact import Fact, Source, Tier
from suanli.facts.reader import Schema, read_record, read_rows

__all__ = ["Catalogue", "Fact", "Record", "Schema", "Source", "Tier", "read_record", "read_rows"]
