"""Who checks the check? Mistakes are planted on purpose, and it must find them all.

`mutants` is the list of mistakes, `usual_checks` what others look at, `run` puts them side by side.
"""
