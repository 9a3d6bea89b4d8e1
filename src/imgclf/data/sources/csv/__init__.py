"""CSV files as data sets."""
