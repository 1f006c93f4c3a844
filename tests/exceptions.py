"""Functions of the standard, and results of functions, that have a derivative and here, for a reason, none."""

from __future__ import annotations

EXCEPTIONS = {
    "from_dlpack": "DLPack hands over memory, which knows no graph: the result is a constant, and a tracked tensor refuses to export",
}

# One of the results of a function whose others have gradients.
OF_SOME_RESULTS = {
    "Q of a complete qr, m > n": "its last m − n columns can be any basis of what the first n leave",
    "U of a full svd, m > n": "its last m − n columns can be any basis of the null space of xᴴ",
    "Vh of a full svd, m < n": "its last n − m rows can be any basis of the null space of x",
}
