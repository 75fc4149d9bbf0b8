"""Converting: length, pitch, silence, blocks that cannot be heard, memory that does not grow."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from containers.contract.errors import RecordingError, RequestError
from containers.contract.stages import ConvertRequest
from containers.rvc import backend, speaking, voices
from containers.rvc.f0 import f0_of, likeliest_path
from containers.rvc.files import write_voice
from containers.rvc.generator import Generator
from containers.rvc.likeness import vector_of
from containers.rvc.mel import filters
from containers.rvc.retrieval import Index, write_index
from containers.rvc.shape import shape_for
from containers.rvc.sound import resampled
from tests.engines.rvc.conftest import QUICK, Place
from tests.engines.rvc.made import glottal, pitch_hz

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def humming(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A voice that says nothing but its sine: all else of its vocoder is silent."""
    shape = shape_for(40000, "tiny")
    torch.manual_seed(1)
    generator = Generator(shape, listening=False)
    with torch.no_grad():
        for name, each in generator.dec.named_parameters():
            if not name.startswith("m_source"):
                each.zero_()
        generator.dec.noise_convs[-1].weight[0] = 1.0
        generator.dec.noise_convs[-1].weight[1] = -1.0
        generator.dec.conv_post.weight[0, 0, 3] = 3.0
        generator.dec.conv_post.weight[0, 1, 3] = -3.0
        for name, each in generator.dec.named_parameters():
            if name.endswith("weight_v"):
                each.fill_(0.01)  # a direction, of which weight_g takes nothing
    path = tmp_path_factory.mktemp("humming") / "hum.pth"
    return write_voice(path, shape, generator.state_dict(), "hum")


def heard(path: Path) -> tuple[NDArray[np.float64], int]:
    samples, rate = soundfile.read(path)
    return samples, rate


@pytest.mark.parametrize("method", ["harvest", "crepe-tiny"])
def test_a_220_hz_source_an_octave_up_comes_out_at_440_hz(
    place: Place, humming: Path, tmp_path: Path, method: str
) -> None:
    source = glottal(tmp_path / "source.wav", 220, 1.5)
    result = place.convert(f"octave_{method}", source, (humming,), 12.0, f0=method)
    assert result.pitch_shift_semitones == 12.0
    assert pitch_hz(place.made(f"octave_{method}")[0]) == pytest.approx(440, rel=0.01)


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 48000])
def test_speech_is_as_long_as_its_source_to_the_sample(
    place: Place, humming: Path, tmp_path: Path, rate_hz: int
) -> None:
    source = tmp_path / "source.wav"
    soundfile.write(source, 0.1 * np.random.default_rng(2).normal(size=rate_hz * 2 + 1237), rate_hz)
    place.convert(f"long_{rate_hz}", source, (humming,))
    about = soundfile.info(place.made(f"long_{rate_hz}")[0])
    assert (about.frames, about.samplerate) == (round((2 * rate_hz + 1237) * 40000 / rate_hz), 40000)
    assert (about.channels, about.subtype) == (1, "PCM_16")


@pytest.mark.parametrize(
    ("output", "rate_hz", "subtype"),
    [("24-bit", 44100, "PCM_24"), ("float", 48000, "FLOAT"), ("16-bit", 22050, "PCM_16")],
)
def test_speech_is_written_as_asked_for_and_resampled_without_a_seam(
    place: Place,
    humming: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    output: str,
    rate_hz: int,
    subtype: str,
) -> None:
    """Blocks of 2 s through one stream are what the whole would be, resampled at once."""
    monkeypatch.setattr(speaking, "BLOCK_SECONDS", 2)
    source = glottal(tmp_path / "source.wav", 220, 5.3)
    result = place.convert(f"as_{output}", source, (humming,), 0.0, output=output, output_hz=rate_hz)
    about = soundfile.info(place.made(f"as_{output}")[0])
    assert (about.subtype, about.samplerate, about.channels) == (subtype, rate_hz, 1)
    assert result.sample_rate_hz == rate_hz
    assert about.frames == round(5.3 * rate_hz)
    place.convert("as_it_is", source, (humming,), 0.0, output="float")
    whole = resampled(heard(place.made("as_it_is")[0])[0].astype(np.float32), 40000, rate_hz)
    assert np.abs(heard(place.made(f"as_{output}")[0])[0] - whole).max() < 1e-4, "16 bits round by 1.5e-5"


def test_a_voice_is_read_once_for_many_lines(
    place: Place, humming: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    real = voices.read_voice
    monkeypatch.setattr(voices, "read_voice", lambda path: read.append(path) or real(path))
    model = backend.setup(backend.Options(content="content-vec-best", **QUICK))
    other = shutil.copyfile(humming, tmp_path / "other.pth")
    for number, voice in enumerate((humming, humming, humming, other)):
        item = place.item(f"line_{number}")
        (sound,) = place.sent(item, glottal(tmp_path / "source.wav", 200 + number, 0.3))
        backend.convert(model, ConvertRequest(source=sound, voice=place.sent(item, voice)), item)
    assert [path.name for path in read] == ["hum.pth", "other.pth"]


def test_a_blink_is_converted_and_silence_stays_silence(place: Place, humming: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "blink.wav", 0.1 * np.ones(1800), 44100)
    soundfile.write(tmp_path / "silence.wav", np.zeros(88200), 44100)
    place.convert("blink", tmp_path / "blink.wav", (humming,))
    assert soundfile.info(place.made("blink")[0]).frames == round(1800 * 40000 / 44100)
    place.convert("silence", tmp_path / "silence.wav", (humming,))
    assert not heard(place.made("silence")[0])[0].any()


def test_what_is_no_sound_is_the_recordings_fault(place: Place, humming: Path, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("This is a text.", "utf-8")
    with pytest.raises(RecordingError, match="cannot be read as sound"):
        place.convert("text", tmp_path / "text.wav", (humming,))


def test_without_weights_a_voice_cannot_speak(place: Place, tmp_path: Path) -> None:
    source = glottal(tmp_path / "source.wav", 220, 0.5)
    with pytest.raises(RequestError, match="train one with rvc"):
        place.convert("nothing", source, ())


def test_cuts_between_blocks_are_not_in_the_sound(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A voice of random weights says 7 s in one block, then in four; they agree but for 1 % of the level.

    Blocks hear a second around them, and attention looks further than that: so not exactly.
    """
    shape = shape_for(40000, "tiny")
    torch.manual_seed(3)
    voice = write_voice(tmp_path / "random.pth", shape, Generator(shape).state_dict(), "")
    source = glottal(tmp_path / "source.wav", 150, 7.0)
    place.convert("one_block", source, (voice,), 0.0)
    monkeypatch.setattr(speaking, "BLOCK_SECONDS", 2)
    place.convert("four_blocks", source, (voice,), 0.0)
    one, four = (heard(place.made(name)[0])[0] for name in ("one_block", "four_blocks"))
    assert np.sqrt(np.mean((one - four) ** 2)) < 0.01 * np.sqrt(np.mean(one**2))


def test_a_sine_goes_on_over_cuts_between_blocks(
    place: Place, humming: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No dip where two blocks are faded into each other, as there is when each begins with a phase of its own."""
    source = glottal(tmp_path / "source.wav", 147, 7.0)
    monkeypatch.setattr(speaking, "BLOCK_SECONDS", 2)
    place.convert("sine", source, (humming,), 0.0)
    samples, rate = heard(place.made("sine")[0])
    inner = samples[rate // 2 : -rate // 2]
    level = np.sqrt(np.mean(inner[: len(inner) // 400 * 400].reshape(-1, 400) ** 2, axis=1))
    assert level.min() > 0.7 * np.median(level)


def test_an_index_moves_features_to_their_neighbours_by_the_rate(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0)
    stored = drawn.normal(0, 1, (400, 768)).astype(np.float32)
    index = Index(write_index(tmp_path / "voice.index", stored))
    near = stored[:50] + 0.01 * drawn.normal(0, 1, (50, 768)).astype(np.float32)
    assert np.abs(index.leaned(near, 1.0) - stored[:50]).max() < 0.01, "the nearest one is all but alone"
    np.testing.assert_array_equal(index.leaned(near, 0.0), near)
    half = 0.5 * index.leaned(near, 1.0) + 0.5 * near
    np.testing.assert_allclose(index.leaned(near, 0.5), half, atol=1e-6)


def test_an_index_of_other_features_is_refused(tmp_path: Path) -> None:
    import faiss

    faiss.write_index(faiss.index_factory(256, "Flat"), str(tmp_path / "v1.index"))
    with pytest.raises(RequestError, match="256 numbers"):
        Index(tmp_path / "v1.index")
    (tmp_path / "text.index").write_text("This is a text.", "utf-8")
    with pytest.raises(RequestError, match="cannot be read as a FAISS index"):
        Index(tmp_path / "text.index")


@pytest.mark.parametrize("method", ["crepe-tiny", "harvest", "dio"])
@pytest.mark.parametrize("hz", [82.0, 220.0, 523.0])
def test_f0_of_a_tone_is_its_frequency_and_silence_has_none(tmp_path: Path, method: str, hz: float) -> None:
    """Within 1 %: CREPE's bins are 1.2 % wide, and the centre of mass around the best one is finer."""
    samples, _ = soundfile.read(glottal(tmp_path / "tone.wav", hz, 1.0, 16000), dtype="float32")
    padded = np.concatenate([np.zeros(8000, np.float32), samples, np.zeros(8000, np.float32)])
    found = f0_of(padded, method, 128, CPU)
    assert len(found) == 200
    assert np.median(found[60:140]) == pytest.approx(hz, rel=0.01)
    assert not found[:40].any()
    assert not found[160:].any()
    np.testing.assert_array_equal(found, f0_of(padded, method, 128, CPU))


def test_the_likeliest_path_leaves_out_a_jump_of_one_frame() -> None:
    shares = np.full((20, 360), 1e-4, np.float32)
    shares[:, 100] = 0.5
    shares[10, 100], shares[10, 220] = 0.3, 0.6  # an octave and more away, for 10 ms
    assert set(likeliest_path(shares)) == {100}


@pytest.mark.proof
def test_memory_does_not_grow_with_the_recording(place: Place, humming: Path, tmp_path: Path) -> None:
    """Peak memory of processes of their own: one minute against ten; the rest is f0, 12 bytes a frame, and luck."""

    def peak_mb(minutes: float) -> float:
        rate = 16000
        source = tmp_path / f"{minutes}.wav"
        noise = 0.05 * np.random.default_rng(3).normal(size=rate * 60)
        with soundfile.SoundFile(source, "w", rate, 1) as out:
            for _ in range(round(minutes)):
                out.write(noise)
        code = f"""
            import json, resource
            from pathlib import Path
            from tests.engines.rvc.conftest import Place
            place = Place(folder=Path({str(place.folder)!r}), clips=())
            place.convert("minutes_{minutes}", Path({str(source)!r}), (Path({str(humming)!r}),), 0.0)
            print(json.dumps({{"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}}))
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3],
        )  # fmt: skip
        return float(json.loads(done.stdout.splitlines()[-1])["peak"]) / 1024

    assert peak_mb(10) < 1.05 * peak_mb(1)


def test_vectors_are_those_of_resemblyzers_own_front_end() -> None:
    from resemblyzer import VoiceEncoder

    samples = (0.03 * np.random.default_rng(0).normal(size=40000)).astype(np.float32)
    samples *= np.float32(10**-1.5 / np.sqrt(np.mean(samples**2)))
    theirs = VoiceEncoder("cpu", verbose=False).embed_utterance(samples)
    assert float(vector_of([samples]) @ theirs) > 0.999


def test_mel_filters_are_those_of_librosa() -> None:
    import librosa

    for rate, fft, bands in ((16000, 400, 40), (32000, 1024, 80), (40000, 2048, 125), (48000, 2048, 128)):
        theirs = librosa.filters.mel(sr=rate, n_fft=fft, n_mels=bands)
        np.testing.assert_allclose(filters(rate, fft, bands), theirs, atol=1e-6 * theirs.max())
