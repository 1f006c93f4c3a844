"""What other libraries need registered, or look for, to take Tensors: a short file for each.

Importing clumsygrad registers with the libraries that were imported before it; it imports none of them. Otherwise import the module here
that is named after the library, and imports it: `clumsygrad.integrations.scipy_fft` or `clumsygrad.integrations.einops`.
"""

import sys

if "scipy.fft" in sys.modules:
    from . import scipy_fft as scipy_fft
if "einops" in sys.modules:
    from . import einops as einops
