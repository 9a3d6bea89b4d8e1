"""Who checks the check? Mistakes are planted on purpose, and it must find them all.

`mutants` is the list of mistakes, `planting` how they get in, `usual_checks` what others look at, and `run` puts them
side by side.
"""
