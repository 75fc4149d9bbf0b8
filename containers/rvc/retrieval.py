"""The index of a voice: content features of its clips in FAISS, and how a conversion leans on them.

A source's features carry some of its speaker; mixed with their nearest neighbours from the character's own clips
they carry less. Files are FAISS `IVF,Flat` over 768 numbers, what the RVC ecosystem reads.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from containers.contract.errors import RequestError

from .shape import CONTENT

_NEIGHBOURS = 8
_MOST = 200_000
"""Features in an index: 67 minutes of speech; of more, evenly spread ones are kept."""
Features = NDArray[np.float32]


def write_index(path: Path, features: Features) -> Path:
    """Index these features (n, 768); the number of cells is the ecosystem's: 16 sqrt(n), with 39 in a cell at least."""
    import faiss

    kept = np.ascontiguousarray(features[:: -(-len(features) // _MOST)], np.float32)
    cells = max(1, min(int(16 * np.sqrt(len(kept))), len(kept) // 39))
    index = faiss.index_factory(CONTENT, f"IVF{cells},Flat")
    index.nprobe = 1
    index.train(kept)
    index.add(kept)
    faiss.write_index(index, str(path))
    return path


class Index:
    """An index that has been read; RequestError for a file that is none of 768 numbers."""

    def __init__(self, path: Path) -> None:
        import faiss

        try:
            self._index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise RequestError(f"{path.name} cannot be read as a FAISS index: {str(error)[:200]}") from error
        if self._index.d != CONTENT:
            raise RequestError(f"{path.name} is of {self._index.d} numbers; an RVC v2 index has {CONTENT}")

    def leaned(self, features: Features, rate: float) -> Features:
        """Features (n, 768) moved by `rate` (0 to 1) to the mean of their 8 nearest, weighted by distance to -4."""
        if not len(features) or not self._index.ntotal:
            return features
        squares, found, near = self._index.search_and_reconstruct(np.ascontiguousarray(features), _NEIGHBOURS)
        weights = np.where(found >= 0, 1 / np.maximum(squares, 1e-9) ** 2, 0)  # FAISS gives squared distances
        total = weights.sum(axis=1, keepdims=True)
        mean = np.einsum("nk,nkd->nd", weights / np.maximum(total, 1e-30), np.nan_to_num(near)).astype(np.float32)
        return np.where(total > 0, rate * mean + (1 - rate) * features, features).astype(np.float32)
