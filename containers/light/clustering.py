"""Which vectors belong to one person: pure arithmetic, no sound, no files.

The aim is purity: two clusters of one person are put together later, by
references and over the whole series; one cluster of two people is lost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from . import long_clustering
from .voiceprint import Vectors, unit

Labels = NDArray[np.int64]

_SAME_PERSON = 0.85
"""Cosine of two clusters' vectors over which they may well be one person found twice."""


def cluster(
    vectors: Vectors,
    seconds: NDArray[np.float64],
    *,
    alike: float,
    count: int | None = None,
    least: int | None = None,
    most: int | None = None,
) -> Labels:
    """A label 0, 1 ... for each unit vector; clusters whose mean cosine reaches `alike` are one.

    `count` (exact), `least` and `most` bound the number of clusters; `seconds` is how much speech
    a vector stands for. There are never more clusters than vectors.
    """
    if len(vectors) < 2:
        return np.zeros(len(vectors), np.int64)
    if len(vectors) > long_clustering.MOST:
        labels = long_clustering.in_parts(vectors, alike, count or least or 1)
        wanted = count or _between(labels.max() + 1, least, most)
    else:
        tree = linkage(pdist(vectors, "cosine"), "average")
        labels = fcluster(tree, 1.0 - alike, "distance") - 1
        wanted = count or _between(labels.max() + 1, least, most)
        if wanted is not None and wanted > labels.max() + 1:
            labels = fcluster(tree, min(wanted, len(vectors)), "maxclust") - 1
    return _numbered(labels if wanted is None else _reduce(vectors, seconds, labels, wanted))


def centroids(vectors: Vectors, seconds: NDArray[np.float64], labels: Labels) -> Vectors:
    """Unit mean vector of each cluster, weighted by seconds: (clusters, dimension)."""
    members = labels[:, None] == np.arange(labels.max() + 1)
    return unit((members * seconds[:, None]).T @ vectors).astype(np.float32)


def dissolve(vectors: Vectors, seconds: NDArray[np.float64], labels: Labels, *, under: float, alike: float) -> Labels:
    """Clusters of less than `under` seconds go to the nearest larger one, if it is `alike` (cosine)."""
    total = np.bincount(labels, weights=seconds)
    large = total >= under
    if large.all() or not large.any():
        return labels
    means = centroids(vectors, seconds, labels)
    nearest = np.arange(len(total))
    for index in np.flatnonzero(~large):
        cosines = np.where(large, means @ means[index], -1.0)
        if cosines.max() >= alike:
            nearest[index] = cosines.argmax()
    return _numbered(nearest[labels])


def most_likely_path(scores: NDArray[np.float64], change_cost: float) -> Labels:
    """The state at each step that maximises the sum of scores (steps, states) less `change_cost` a change (Viterbi)."""
    steps, states = scores.shape
    origin = np.zeros((steps, states), np.int64)
    best = scores[0].copy()
    for step in range(1, steps):
        leader = int(best.argmax())
        changed = best[leader] - change_cost > best
        origin[step] = np.where(changed, leader, np.arange(states))
        best = np.where(changed, best[leader] - change_cost, best) + scores[step]
    path = np.empty(steps, np.int64)
    path[-1] = best.argmax()
    for step in range(steps - 1, 0, -1):
        path[step - 1] = origin[step, path[step]]
    return path


def blend_gain(vectors: Vectors, people: Vectors, own: Labels) -> NDArray[np.float64]:
    """How much closer each vector is to a blend of its `own` person and another one than to anybody
    alone: difference of cosines (vectors,), 0.0 if no blend with positive shares helps."""
    alone, likeness = (vectors @ people.T).astype(np.float64), (people @ people.T).astype(np.float64)[own]
    mine = np.take_along_axis(alone, own[:, None], axis=1)
    rest = np.maximum(1.0 - likeness**2, 1e-9)
    share, other = (mine - likeness * alone) / rest, (alone - likeness * mine) / rest
    blend = np.sqrt(np.maximum(share * mine + other * alone, 0.0))
    someone_else = (likeness < _SAME_PERSON) & (share > 0) & (other > 0)
    return np.where(someone_else, blend - np.maximum(mine, alone), 0.0).max(axis=1, initial=0.0)


def _between(found: int, least: int | None, most: int | None) -> int | None:
    if least is not None and found < least:
        return least
    if most is not None and found > most:
        return most
    return None


def _reduce(vectors: Vectors, seconds: NDArray[np.float64], labels: Labels, wanted: int) -> Labels:
    """Join clusters until `wanted` are left, each time the two that lose least (Ward on the sphere), so that
    short outliers go before people do."""
    labels = labels.copy()
    while (number := labels.max() + 1) > wanted:
        means = centroids(vectors, seconds, labels)
        total = np.bincount(labels, weights=seconds)
        loss = (1.0 - means @ means.T) * (total[:, None] * total / (total[:, None] + total))
        loss[np.tril_indices(number)] = np.inf
        keep, gone = np.unravel_index(int(loss.argmin()), loss.shape)
        labels[labels == gone] = keep
        labels[labels > gone] -= 1
    return labels


def _numbered(labels: Labels) -> Labels:
    """The same clusters numbered in order of first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]
