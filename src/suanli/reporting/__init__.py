"""Results -> documents (headline, tables, lines) and JSON. A document knows no terminal and no page; each face draws it its own way."""
