"""Download the official files of data sets, only when asked."""
