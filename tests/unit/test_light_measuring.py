"""Measurements of a clip are physics: known sounds give known figures."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.signal import butter, fftconvolve, sosfilt

pytest.importorskip("pyopenjtalk")

from containers.light import music
from containers.light.audio import resample
from containers.light.bandwidth import bandwidth_hz, spectra_of
from containers.light.loudness import at_loudness, loudness_lufs, true_peak_dbfs
from containers.light.measuring import clipped_share, measure, snr_db
from containers.light.rest import rest

RATE = 48000


@cache
def speech() -> np.ndarray:
    """Nine seconds of Open JTalk, its pauses digital silence: 48 kHz float32, peak 0.4."""
    import pyopenjtalk

    text = (
        "えんどうまもるです。サッカーやろうぜ。きょうは、みんなでグラウンドにあつまって、ひがくれるまでれんしゅうした。"
    )
    sound = pyopenjtalk.tts(text)[0]
    return (0.4 * sound / np.abs(sound).max()).astype(np.float32)


def bandwidth_of(samples: np.ndarray) -> float | None:
    return bandwidth_hz(spectra_of(samples), RATE, rest(samples, RATE))


def white(samples: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=samples).astype(np.float32)


def with_noise(snr: float) -> np.ndarray:
    """Speech with white noise `snr` dB under the mean power of its active 10 ms."""
    power = np.mean(np.square(speech()[: len(speech()) // 480 * 480].reshape(-1, 480)), axis=1)
    active = power[power > np.percentile(power, 95) / 10**3.5].mean()
    return speech() + white(len(speech())) * np.float32(np.sqrt(active / 10 ** (snr / 10)))


def tone(hertz: float, seconds: float, harmonics: int = 1, level: float = 0.3) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    sound = sum(np.sin(2 * np.pi * hertz * k * times) / k for k in range(1, harmonics + 1))
    return (level * sound / np.abs(sound).max()).astype(np.float32)


@pytest.mark.parametrize("snr", [5, 10, 20, 30, 40])
def test_white_noise_at_a_known_level_is_measured(snr: float) -> None:
    """Within 1.5 dB: the edges of words count as speech or as pause by a line that moves with the noise."""
    assert snr_db(with_noise(snr), RATE) == pytest.approx(snr, abs=1.5)


def test_turning_the_volume_changes_no_snr() -> None:
    noisy = with_noise(20)

    assert snr_db(noisy * np.float32(0.05), RATE) == pytest.approx(snr_db(noisy, RATE), abs=0.1)


@pytest.mark.parametrize("sound", [np.zeros(RATE, np.float32), 0.1 * white(2 * RATE), tone(220, 2)])
def test_what_has_no_pauses_has_no_snr(sound: np.ndarray) -> None:
    assert snr_db(sound, RATE) is None


@pytest.mark.parametrize("hertz", [90, 220, 440, 800])
def test_the_pitch_of_a_harmonic_voice_is_found(hertz: float) -> None:
    found = measure(tone(hertz, 2, harmonics=12), RATE)

    assert found.f0_median_hz == pytest.approx(hertz, rel=0.01)
    assert found.f0_low_hz == pytest.approx(hertz, rel=0.02)
    assert found.f0_high_hz == pytest.approx(hertz, rel=0.02)
    assert found.voiced_share > 0.95


def test_noise_has_no_pitch() -> None:
    found = measure(0.1 * white(2 * RATE), RATE)

    assert found.f0_median_hz is None
    assert found.voiced_share < 0.02
    assert found.speech_probability < 0.2


def test_speech_is_heard_as_speech() -> None:
    assert measure(speech(), RATE).speech_probability > 0.5


@pytest.mark.parametrize("volume", [1.0, 0.3])
def test_clipped_samples_are_counted_also_when_turned_down_later(volume: float) -> None:
    """Cut off at half its height; what it counts are the samples that lie on the line in runs."""
    half = 0.5 * np.abs(speech()).max()
    clipped = np.clip(speech(), -half, half)
    on_the_line = np.mean(np.abs(speech()) > half)

    assert clipped_share(clipped * np.float32(volume), RATE) == pytest.approx(on_the_line, rel=0.25)
    assert clipped_share(speech() * np.float32(volume), RATE) == 0


@pytest.mark.parametrize("source_hz", [8000, 16000, 24000])
def test_a_band_limited_source_is_found_behind_a_high_sample_rate(source_hz: int) -> None:
    """Half the source's rate, less the slope of the resampler (soxr HQ: 9 %)."""
    narrow = resample(resample(speech(), RATE, source_hz), source_hz, RATE)

    assert source_hz / 2 * 0.9 <= bandwidth_of(narrow) <= source_hz / 2 * 1.03


def test_the_hiss_above_a_narrow_voice_is_not_its_bandwidth() -> None:
    narrow = resample(resample(speech(), RATE, 16000), 16000, RATE) + np.float32(3e-4) * white(len(speech()))

    assert 7000 < bandwidth_of(narrow) < 8300


def test_full_band_speech_reaches_beyond_sixteen_kilohertz() -> None:
    assert bandwidth_of(speech()) > 16000


def test_the_level_over_the_background_is_measured() -> None:
    assert measure(speech(), RATE, speech() * np.float32(0.1)).background_db == pytest.approx(20, abs=0.1)
    assert measure(speech(), RATE).background_db is None


@pytest.mark.parametrize("seconds", [0.1, 0.3, 1.0, 5.0])
def test_a_tone_has_the_loudness_that_the_standard_gives_it(seconds: float) -> None:
    """997 Hz at -20 dBFS peak is -23.0 LUFS in one channel (BS.1770), also shorter than its block of 0.4 s."""
    assert loudness_lufs(tone(997, seconds, level=0.1), RATE) == pytest.approx(-23.0, abs=0.3)


def test_silence_has_no_loudness_and_a_peak_that_is_a_number() -> None:
    found = measure(np.zeros(RATE, np.float32), RATE)

    assert (found.loudness_lufs, found.bandwidth_hz, found.f0_median_hz) == (None, None, None)
    assert found.peak_dbfs == -120


def test_the_true_peak_lies_between_the_samples() -> None:
    """A quarter of the rate, half a step out of phase: every sample is 3 dB under the wave's top."""
    wave = np.sin(np.pi / 2 * np.arange(RATE) + np.pi / 4).astype(np.float32)

    assert np.abs(wave).max() == pytest.approx(0.7071, abs=1e-3)
    assert true_peak_dbfs(wave[100:-100], RATE) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("wanted", [-16.0, -23.0, -30.0])
def test_loudness_is_set_and_no_peak_stands_above_the_ceiling(wanted: float) -> None:
    """A click three times as high as the speech must be let down; loudness within 0.5 LU all the same."""
    clicked = speech().copy()
    clicked[RATE : RATE + 8] = 1.0
    sound = at_loudness(clicked, RATE, wanted, -1.0)

    assert loudness_lufs(sound, RATE) == pytest.approx(wanted, abs=0.5)
    assert true_peak_dbfs(sound, RATE) <= -1.0


def test_without_high_peaks_loudness_is_one_gain() -> None:
    sound = at_loudness(speech(), RATE, -30.0, -1.0)
    gain = sound[np.abs(speech()) > 0.1] / speech()[np.abs(speech()) > 0.1]

    assert np.ptp(gain) < 1e-5


# ---------------------------------------------------------------- what else sounds, and what is missing


def under(other: np.ndarray, ratio_db: float) -> np.ndarray:
    """Speech with something else under it, mean powers of the whole so far apart."""
    other = np.resize(other, len(speech()))
    gain = np.sqrt(np.mean(speech() ** 2) / np.mean(other**2) / 10 ** (ratio_db / 10))
    return speech() + np.float32(gain) * other


def test_music_in_the_pauses_has_a_pitch_and_noise_has_none() -> None:
    chords = music.play(music.CUES[1], 10.0).mean(axis=0)

    assert measure(under(chords, 8), RATE).pause_tonality > 0.7
    assert measure(with_noise(8), RATE).pause_tonality < 0.2


def test_a_chord_has_many_pitches_at_once_and_one_voice_one() -> None:
    assert measure(music.play(music.CUES[1], 3.0).mean(axis=0), RATE).polyphony > 0.3
    assert measure(speech(), RATE).polyphony < 0.15


def test_a_second_voice_is_heard() -> None:
    """The same speech an octave third lower and from its middle: another voice as far as periods tell."""
    other = np.roll(resample(speech(), RATE, round(RATE * 1.3)), RATE * 2)[: len(speech())]

    assert measure(under(other, 2), RATE).second_voice_probability > 0.7
    assert measure(speech(), RATE).second_voice_probability < 0.5


def test_a_room_is_no_second_voice() -> None:
    """Reverberation of 0.4 s, 9 dB under the voice, fills gaps too."""
    tail = white(round(0.4 * RATE)) * 10 ** (-3 * np.linspace(0, 1, round(0.4 * RATE)))

    assert measure(under(fftconvolve(speech(), tail)[: len(speech())], 9), RATE).second_voice_probability < 0.5


@pytest.mark.parametrize("order", [3, 6])
def test_a_telephone_is_heard_also_where_its_filter_is_gentle(order: int) -> None:
    phone = sosfilt(butter(order, (330, 3300), "bandpass", fs=RATE, output="sos"), speech()).astype(np.float32)

    assert measure(phone, RATE).telephone_probability > 0.5
    assert measure(speech(), RATE).telephone_probability < 0.5


def test_a_cut_word_ends_as_loud_as_it_speaks() -> None:
    loud = np.flatnonzero(np.abs(speech()) > 0.2)
    whole, cut = measure(speech(), RATE), measure(speech()[: loud[len(loud) // 2]], RATE)

    assert whole.edge_db < -25
    assert cut.edge_db > -6


def test_a_breath_between_the_words_is_counted_in_seconds() -> None:
    """A breath of 0.4 s, 25 dB under the speech, in a room's faint hiss."""
    air = sosfilt(butter(2, (500, 2500), "bandpass", fs=RATE, output="sos"), white(round(0.4 * RATE)))
    air = air * np.hanning(len(air)) ** 0.25
    level = np.sqrt(np.mean(speech() ** 2)) / 10 ** (25 / 20) / np.sqrt(np.mean(air**2))
    room = np.float32(1e-5) * white(len(speech()) + RATE)
    breathed = (
        np.concatenate([(level * air).astype(np.float32), np.zeros(RATE - len(air), np.float32), speech()]) + room
    )

    assert measure(breathed, RATE).breath_seconds == pytest.approx(0.4, abs=0.15)
    assert measure(np.pad(speech(), (RATE, 0)) + room, RATE).breath_seconds < 0.15
