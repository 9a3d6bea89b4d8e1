"""Run directories: the files of a run; resume and verify."""
