"""Sums in a fixed order, fast products, random streams, row indices."""
