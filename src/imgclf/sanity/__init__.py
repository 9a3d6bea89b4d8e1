"""Sanity checks of a config and its data, before a long run."""
