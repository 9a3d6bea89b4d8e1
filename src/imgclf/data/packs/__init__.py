"""Data sets on disk as memory-mapped arrays."""
