"""Grade many learners' functions, without trusting any of them.

Read in this order: `spec` (exercises and their points), `submissions` (students and their files), `check` (one
function, in a process of its own), `grade` (all of them), `results` (a table for the teacher, a file for each student).
`exercises` holds six exercises with starters and solutions.
"""
