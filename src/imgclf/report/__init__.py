"""Pictures and pages made of runs: what a run has learned, and where it is wrong."""
