"""Self-test: plant mistakes that the gradient check must find.

`mutants` is the list of mistakes, `planting` inserts them, `usual_checks` has two usual gradient checks, and `run`
compares which check finds which mistake.
"""
