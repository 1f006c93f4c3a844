"""NumPy's functions by their own names and with their own parameters, composed of the namespace's differentiable ones.

`numpy.median(t)` comes here by way of protocols.py. Nothing is derived again: what is composed of differentiable functions is
differentiable. Arguments may be tensors of any library; arrays, numbers and lists beside them are constants.
"""
