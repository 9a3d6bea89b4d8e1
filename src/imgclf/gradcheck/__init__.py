"""Gradient check: analytic gradient against numerical, at every parameter.

Read in this order:

    checks/textbook          move one weight up and down: central differences of the real loss
    truth/exact_differences  the change of a loss as one score moves, in formulas without cancellation
    truth/loss_facts         facts of each loss: definition, exact differences, rounding
    truth/reference          scores in extended precision, gradients by complex step
    truth/kinks              kinks of hinges, where any subgradient is right
    truth/bounds             error bounds: truncation and rounding
    truth/exhaustive         the numerical gradient of every parameter, with its bound
    case, verdict            a gradient compared with it, and the verdict
    points, coverage         the weights that are checked, and whether they show enough
    checks/                  what differences on one batch cannot see
    check                    every loss, penalty, point and kind of check
    self_test/               planted mistakes, to check the check
    student/                 a learner's own function
    step_sizes               truncation and rounding against step size, to draw
"""
