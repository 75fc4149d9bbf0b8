"""The library's clustering, for recordings too short for the number of people asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyannote.audio.pipelines.clustering import VBxClustering
from pyannote.core import SlidingWindowFeature


class BoundedVBx(VBxClustering):
    """VBx that asks k-means for no more people than there are vectors to tell them by, as the library's other
    clusterings do; it would fail on them."""

    def __call__(
        self,
        embeddings: NDArray[np.float32],
        segmentations: SlidingWindowFeature | None = None,
        **asked: Any,
    ) -> tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.float64]]:
        heard = len(self.filter_embeddings(embeddings, segmentations=segmentations)[0])
        names = ("num_clusters", "min_clusters", "max_clusters")
        bounds = self.set_num_clusters(heard, **{name: asked.get(name) for name in names})
        return super().__call__(embeddings, segmentations, **{**asked, **dict(zip(names, bounds, strict=True))})
