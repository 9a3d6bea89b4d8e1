"""Download official data sets.

Official data sets, from their servers to a folder: only when asked, and only the very files.
"""
