"""Truth to compare with, computed apart from the code under check."""
