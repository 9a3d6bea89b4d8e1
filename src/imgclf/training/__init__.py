"""Training: from a config to a trained model; writes no files."""
