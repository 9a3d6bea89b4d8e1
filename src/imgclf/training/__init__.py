"""Training: from a config to a trained model, without a disk."""
