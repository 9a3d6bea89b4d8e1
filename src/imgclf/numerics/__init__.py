"""Exact sums, fast products, row numbers and cores."""
