"""The same gradient, faster: kernels and wrappers of one signature.

Every kernel is held to `gradients.analytic_gradient`: by the tests, and by `imgclf gradcheck` on the user's data.
"""
