"""The rows of scipy.spatial: rotations, and rigid motions."""

from __future__ import annotations

from typing import Any

import array_api_strict
import numpy as np
from array_api_compat import array_namespace
from rows import Table, beside
from scipy.spatial.transform import RigidTransform, Rotation, Slerp

TABLE = Table()

AXES = np.eye(3)
ROTATION = "scipy.spatial.transform.Rotation"
RIGID = "scipy.spatial.transform.RigidTransform"
turned = Rotation.from_rotvec
CONVERTS = r"x\.detach\(\)"


def moved(x: Any) -> RigidTransform:
    return RigidTransform.from_exp_coords(x)


def homogeneous(x: Any) -> Any:
    """The 4 by 4 matrix of a translation."""
    xp = array_namespace(x)
    return xp.concat([xp.concat([beside(x, AXES), x[:, None]], axis=1), beside(x, [[0.0, 0.0, 0.0, 1.0]])], axis=0)


def by_the_standard(function: Any) -> Any:
    """SciPy's value from its code for the array API, which for NumPy's arrays it replaces by another, right to 1e-7 alone."""
    return lambda x: np.asarray(function(array_api_strict.asarray(x)))


# Rotations --------------------------------------------------------------------------------------------------------------------------

TABLE.row(f"{ROTATION}.from_rotvec", (2, 3), call=lambda v: turned(v).as_quat())
TABLE.row(f"{ROTATION}.from_quat", (2, 4), call=lambda q: Rotation.from_quat(q).as_matrix())
TABLE.row(
    f"{ROTATION}.from_matrix", (3, 3), call=lambda m: Rotation.from_matrix(m * 1.0).as_quat()
)  # SciPy writes into its argument
TABLE.row(f"{ROTATION}.from_euler", (2, 3), call=lambda v: Rotation.from_euler("xyz", v).as_matrix())
TABLE.row(f"{ROTATION}.from_mrp", (2, 3), call=lambda v: Rotation.from_mrp(v).as_matrix())
TABLE.row(f"{ROTATION}.from_davenport", (3,), call=lambda v: Rotation.from_davenport(beside(v, AXES), "extrinsic", v).as_matrix())
for _name in ("as_quat", "as_matrix", "as_rotvec", "as_mrp", "magnitude"):
    TABLE.row(f"{ROTATION}.{_name}", (2, 3), call=lambda v, name=_name: getattr(turned(v), name)())
TABLE.row(f"{ROTATION}.as_euler", (2, 3), call=lambda v: turned(v).as_euler("zyx"))
TABLE.row(f"{ROTATION}.as_davenport", (3,), call=lambda v: turned(v).as_davenport(beside(v, AXES), "extrinsic"))
TABLE.row(f"{ROTATION}.apply", (2, 3), (2, 3), call=lambda v, x: turned(v).apply(x))
TABLE.row(f"{ROTATION}.apply-inverse", (2, 3), (2, 3), call=lambda v, x: turned(v).apply(x, inverse=True))
TABLE.row(f"{ROTATION}.inv", (2, 3), call=lambda v: turned(v).inv().as_matrix())
TABLE.row(f"{ROTATION}.__mul__", (2, 3), (2, 3), call=lambda v, w: (turned(v) * turned(w)).as_matrix())
TABLE.row(f"{ROTATION}.__pow__", (2, 3), call=lambda v: (turned(v) ** 1.7).as_matrix())
TABLE.row(f"{ROTATION}.concatenate", (2, 3), (2, 3), call=lambda v, w: Rotation.concatenate([turned(v), turned(w)]).as_matrix())
TABLE.row(f"{ROTATION}.mean", (3, 3), call=lambda v: turned(v).mean().as_matrix())
TABLE.row(f"{ROTATION}.reduce", (3, 3), call=lambda v: turned(v).reduce().as_matrix())
TABLE.row(f"{ROTATION}.align_vectors", (3, 3), (3, 3), call=lambda v, w: Rotation.align_vectors(v, w)[0].as_matrix())
TABLE.row(
    "scipy.spatial.transform.Slerp",
    (3, 3),
    call=lambda v: Slerp(beside(v, [0.0, 1.0, 2.0]), turned(v))(beside(v, [0.3, 1.2])).as_matrix(),
)

# Rigid motions ------------------------------------------------------------------------------------------------------------------------

TABLE.row(f"{RIGID}.from_matrix", (3,), call=lambda t: RigidTransform.from_matrix(homogeneous(t)).as_matrix(), linear=True)
TABLE.row(f"{RIGID}.from_translation", (2, 3), call=lambda t: RigidTransform.from_translation(t).as_matrix(), linear=True)
TABLE.row(f"{RIGID}.from_rotation", (2, 3), call=lambda v: RigidTransform.from_rotation(turned(v)).as_matrix())
TABLE.row(f"{RIGID}.from_components", (2, 3), (2, 3), call=lambda t, v: RigidTransform.from_components(t, turned(v)).as_matrix())
TABLE.row(f"{RIGID}.from_exp_coords", (2, 6), call=lambda x: moved(x).as_matrix())
TABLE.row(f"{RIGID}.from_dual_quat", (2, 8), call=lambda q: RigidTransform.from_dual_quat(q).as_matrix())
for _name in ("as_exp_coords", "as_dual_quat"):
    TABLE.row(f"{RIGID}.{_name}", (2, 6), call=lambda x, name=_name: getattr(moved(x), name)())
TABLE.row(f"{RIGID}.as_matrix", (2, 6), call=lambda x: moved(x).as_matrix())
TABLE.row(f"{RIGID}.as_components", (2, 6), call=lambda x: moved(x).as_components()[0])
TABLE.row(f"{RIGID}.apply", (2, 6), (2, 3), call=lambda x, y: moved(x).apply(y))
TABLE.row(f"{RIGID}.inv", (2, 6), call=lambda x: moved(x).inv().as_matrix())
TABLE.row(f"{RIGID}.__mul__", (2, 6), (2, 6), call=lambda x, y: (moved(x) * moved(y)).as_matrix())
TABLE.row(
    f"{RIGID}.__pow__",
    (2, 6),
    call=lambda x: (moved(x) ** 1.7).as_matrix(),
    reference=by_the_standard(lambda x: (moved(x) ** 1.7).as_matrix()),
)
TABLE.row(f"{RIGID}.mean", (2, 6), call=lambda x: moved(x).mean().as_matrix())
TABLE.row(f"{RIGID}.concatenate", (2, 6), (2, 6), call=lambda x, y: RigidTransform.concatenate([moved(x), moved(y)]).as_matrix())

# What raises ------------------------------------------------------------------------------------------------------------------------

for _name in ("cdist", "directed_hausdorff"):
    TABLE.refuses(f"scipy.spatial.distance.{_name}", (3, 2), (2, 2), says=CONVERTS)
TABLE.refuses("scipy.spatial.distance.pdist", (3, 2), says=CONVERTS)
for _name in ("euclidean", "cosine", "correlation", "jensenshannon"):
    TABLE.refuses(f"scipy.spatial.distance.{_name}", (4,), (4,), domain="positive", says=CONVERTS)
TABLE.refuses("scipy.spatial.procrustes", (4, 2), (4, 2), says=CONVERTS)
TABLE.refuses("scipy.spatial.KDTree", (4, 2), says=CONVERTS)
