"""cupyx.scipy, as far as clumsygrad uses it."""
