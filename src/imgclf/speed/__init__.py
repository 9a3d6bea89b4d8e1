"""The same gradient, faster: kernels and wrappers of one signature.

The tests compare each kernel with `gradients.analytic_gradient`; so does `imgclf gradcheck`, on the user's data.
"""
