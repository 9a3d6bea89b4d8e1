"""Pictures of runs and of gradient checks."""
