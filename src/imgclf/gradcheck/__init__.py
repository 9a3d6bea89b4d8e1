"""Gradient check: analytic gradient against numerical, at every parameter.

Read in this order:

    layers/textbook    one weight a little up and a little down: differences of the real loss
    exact_differences  what moving one score does to a loss, in formulas that lose no digits
    loss_facts         what each loss is: its definition, its exact differences, what is rounded
    reference          scores in extended precision, gradients by a step along the imaginary axis
    kinks              where a hinge has no slope, and what can be said all the same
    bounds             how far two right answers may lie apart
    exhaustive         all of it together: every parameter, its difference and its bound
    case, verdict      a gradient held against that, and what follows
    points             at which weights to look; coverage: whether they showed enough
    layers/            what differences cannot see
    check              the whole check: every loss, penalty, point and check
    self_test/         who checks the check? Mistakes planted on purpose
    student/           a function of your own
    step_sizes         the V of truncation and round-off, to draw
"""
