"""Places: where power is bought, what the grid emits, whose law holds."""

from suanli.places.place import Place, PlaceFile, filled, find, load_places, place_of

__all__ = ["Place", "PlaceFile", "filled", "find", "load_places", "place_of"]
