"""Search for the best values of some keys of a config."""
