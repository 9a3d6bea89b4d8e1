"""Reference values and error bounds, computed without the code under check."""
