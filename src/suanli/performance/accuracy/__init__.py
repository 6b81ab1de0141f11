"""How predictions stand to what was measured: ``errors`` (the arithmetic of both), ``serving``, ``training``, ``marks``, ``summary`` (what is stored)."""
