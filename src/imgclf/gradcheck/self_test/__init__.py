"""Self-test: plant mistakes that the gradient check must find.

`mutants` is the list of mistakes, `planting` how they get in, `usual_checks` what others look at, and `run` puts them
side by side.
"""
