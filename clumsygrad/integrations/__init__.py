"""What other libraries need registered, or look for, to take Tensors: a short file for each.

Where SciPy's transforms were imported before clumsygrad, their backend is registered at once; elsewhere by importing
`clumsygrad.integrations.scipy_fft`, which imports SciPy.
"""

import sys

if "scipy.fft" in sys.modules:
    from . import scipy_fft as scipy_fft
