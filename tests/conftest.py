"""What all tests share."""

import pytest


@pytest.fixture(autouse=True)
def _no_cache_of_the_users(monkeypatch):
    """No test reads or writes the user's cache folder; those of the cache name another."""
    monkeypatch.setenv("IMGCLF_CACHE", "0")
