"""Readers of untrusted files: bytes in, arrays out."""
