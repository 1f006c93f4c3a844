"""What other libraries need registered, or look for, to take Tensors: a short file for each.

Importing clumsygrad registers with the libraries that were imported before it, and imports none. Elsewhere import the module here that
is named after the library, which imports that: `clumsygrad.integrations.scipy_fft`, `clumsygrad.integrations.einops`.
"""

import sys

if "scipy.fft" in sys.modules:
    from . import scipy_fft as scipy_fft
if "einops" in sys.modules:
    from . import einops as einops
