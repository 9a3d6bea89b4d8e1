"""Cores, memory and terminal of this machine and process."""
