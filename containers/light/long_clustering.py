"""Clusters of more vectors than a table of all pairs bears: an hour of speech has 9,000, three have 330 million pairs.

Parts in order of time are clustered as short recordings are, then the clusters of all parts by the same measure.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from .voiceprint import Vectors

MOST = 4096
"""Vectors up to which all pairs are compared (67 MB); an episode of 24 minutes has about 2,000."""
PART = 2048
_FINER = 0.02


def in_parts(vectors: Vectors, alike: float, least: int = 1) -> NDArray[np.int64]:
    """A label for each unit vector; clusters whose mean cosine reaches `alike` are one.

    Where they are fewer than `least`, `alike` rises until they are enough.
    """
    while True:
        labels = _joined(vectors, _part_by_part(vectors, alike), alike)
        if labels.max() + 1 >= least or alike >= 1:
            return labels
        alike += _FINER


def _part_by_part(vectors: Vectors, alike: float) -> NDArray[np.int64]:
    labels = np.zeros(len(vectors), np.int64)
    count = 0
    for part in np.array_split(np.arange(len(vectors)), math.ceil(len(vectors) / PART)):
        tree = linkage(pdist(vectors[part], "cosine"), "average")
        labels[part] = fcluster(tree, 1.0 - alike, "distance") - 1 + count
        count = labels[part].max() + 1
    return labels


def _joined(vectors: Vectors, labels: NDArray[np.int64], alike: float) -> NDArray[np.int64]:
    """Average linkage of clusters: the mean cosine of two clusters' vectors is the product of their mean vectors."""
    sizes = np.bincount(labels).astype(np.float64)
    sums = np.zeros((len(sizes), vectors.shape[1]))
    np.add.at(sums, labels, vectors)
    means = sums / sizes[:, None]
    like = means @ means.T
    np.fill_diagonal(like, -np.inf)
    home = np.arange(len(sizes))
    while len(sizes) > 1:
        one, other = np.unravel_index(int(like.argmax()), like.shape)
        if like[one, other] < alike:
            break
        mixed = (sizes[one] * like[one] + sizes[other] * like[other]) / (sizes[one] + sizes[other])
        mixed[[one, other]] = -np.inf
        like[one], like[:, one] = mixed, mixed
        like[other], like[:, other] = -np.inf, -np.inf
        sizes[one] += sizes[other]
        home[home == other] = one
    return np.unique(home[labels], return_inverse=True)[1]
