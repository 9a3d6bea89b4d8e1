"""Data sets on disk as arrays that are mapped, not read."""
