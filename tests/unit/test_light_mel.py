"""The voice encoder's mel filters."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from containers.light import mel


@pytest.mark.parametrize(("rate_hz", "window", "bands"), [(16000, 400, 40), (48000, 2048, 64)])
def test_filters_are_librosas_to_the_bit(rate_hz: int, window: int, bands: int) -> None:
    theirs = librosa.filters.mel(sr=rate_hz, n_fft=window, n_mels=bands)
    assert np.array_equal(mel.filters(rate_hz, window, bands), theirs)
    assert np.array_equal(mel.edges_hz(bands, rate_hz / 2), librosa.mel_frequencies(bands + 2, fmax=rate_hz / 2))
