"""Is the gradient the gradient? Calculus held against trying.

Read in this order: `textbook` (differences, one weight at a time), `kinks` (where a hinge has no slope),
`bounds` (how far two right answers may lie apart).
"""
