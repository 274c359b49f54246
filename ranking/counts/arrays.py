"""The types of arrays that the core passes on, and the numbers that stand for no section, no group and no row.

`Rows`: row numbers of items, of a history or a pool. `Sections`, `Groups`: numbers of sections, and of groups of
language versions, per row. `Mask`: yes or no per row.
`FloatArray`: scores, sums, weights, times. `Ints` and `Longs`: indices and whole counts.
"""

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Sections = npt.NDArray[np.int32]
NO_SECTION = -1
NO_ROW = -1
Groups = npt.NDArray[np.signedinteger]
NO_GROUP = -1
FloatArray = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
