"""The types of arrays that the core passes on, and the number that stands for no section."""

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Sections = npt.NDArray[np.int32]
NO_SECTION = -1
FloatArray = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
