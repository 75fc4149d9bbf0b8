"""Marks of generated speech: what they say, that the sound stays as it was, and what conversions leave of them."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import subprocess
import tomllib
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cryptography import x509
from typer.testing import CliRunner

from containers.light.media import ffmpeg
from flows.cli.main import app
from infra import signing
from infra.settings import HERE, SettingsError, settings
from tasks.trust.provenance import VERSION, Provenance, marked
from tasks.trust.provenance_found import EXIT_CODES, inspect

STATED = Provenance(
    series="kaze",
    character="anna",
    name='アンナ | 100% "quoted"; voicecast {',
    voice="20deef23ea62",
    engine="light 0.1.0",
    source={"text_sha256": "ab" * 32},
    time="2026-11-26T01:02:03Z",
)


def sound(form: str, subtype: str | None = None, count: int = 22050) -> bytes:
    stream = io.BytesIO()
    samples = 0.4 * np.sin(np.arange(count) * 0.05)
    soundfile.write(stream, samples, 22050, format=form, subtype=subtype)
    return stream.getvalue()


def converted(path: Path, to: Path, *more: str) -> Path:
    """By FFmpeg, as anybody would."""
    subprocess.run([ffmpeg(), "-v", "error", "-nostdin", "-y", "-i", path, *more, to], check=True)
    return to


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    path = tmp_path / "line.wav"
    path.write_bytes(marked(sound("WAV"), STATED))
    return path


@pytest.fixture
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Settings of this test's own, with a folder for keys that is not there yet."""
    monkeypatch.setenv("VOICECAST_KEYS_DIR", str(tmp_path / "config" / "voicecast"))
    settings.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.parametrize("form", ["WAV", "FLAC", "MP3"])
@pytest.mark.parametrize("count", [1, 22051])
def test_a_marked_file_says_so_in_tags_and_manifest_and_sounds_as_before(tmp_path: Path, form: str, count: int) -> None:
    before = sound(form, count=count)
    path = tmp_path / "line"
    path.write_bytes(marked(before, STATED))
    found = inspect(path)
    assert (found.verdict, found.kind) == ("marked", form.lower())
    assert found.tags == found.credentials.claims == STATED.stated()
    assert found.credentials.state == "trusted"
    assert found.watermark.checked is None
    first, second = (soundfile.read(each)[0] for each in (io.BytesIO(before), path))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
def test_every_sort_of_wav_keeps_its_samples(subtype: str) -> None:
    before = sound("WAV", subtype, 1001)
    after = marked(before, STATED)
    assert np.array_equal(*(soundfile.read(io.BytesIO(each))[0] for each in (before, after)))
    if subtype == "PCM_16":
        with wave.open(io.BytesIO(after)) as opened:
            assert opened.getnframes() == 1001


def test_what_is_no_sound_file_is_not_marked() -> None:
    with pytest.raises(ValueError, match="only WAV, FLAC and MP3"):
        marked(b"OggS" + b"\0" * 80, STATED)


def test_tags_outlive_conversion_to_flac_and_back_and_to_mp3_and_the_signature_does_not(
    spoken: Path, tmp_path: Path
) -> None:
    flac = converted(spoken, tmp_path / "a.flac")
    back = converted(flac, tmp_path / "b.wav")
    mp3 = converted(spoken, tmp_path / "c.mp3")
    assert np.array_equal(soundfile.read(spoken)[0], soundfile.read(back)[0])
    for path in (flac, back, mp3):
        found = inspect(path)
        assert (found.verdict, found.credentials.state) == ("unsigned", "absent")
        assert found.tags == STATED.stated()


def test_tags_outlive_the_other_common_forms_too(spoken: Path, tmp_path: Path) -> None:
    for name in ("d.ogg", "e.m4a"):
        codec = "libvorbis" if name == "d.ogg" else "aac"
        assert inspect(converted(spoken, tmp_path / name, "-c:a", codec)).tags == STATED.stated()


def test_whoever_strips_the_tags_leaves_nothing(spoken: Path, tmp_path: Path) -> None:
    found = inspect(converted(spoken, tmp_path / "bare.wav", "-map_metadata", "-1"))
    assert (found.verdict, found.tags) == ("unmarked", None)


def test_a_changed_sample_or_tag_is_seen(spoken: Path, tmp_path: Path) -> None:
    data = bytearray(spoken.read_bytes())
    for place in (data.index(b"data") + 500, data.index(b"ab" * 32)):
        changed = bytearray(data)
        changed[place] ^= 1
        path = tmp_path / "changed.wav"
        path.write_bytes(changed)
        assert inspect(path).verdict == "changed"


@pytest.mark.parametrize("keep", [12, 50, 3000, 46000, -1])
def test_a_file_that_is_cut_off_is_no_error(spoken: Path, tmp_path: Path, keep: int) -> None:
    path = tmp_path / "half.wav"
    path.write_bytes(spoken.read_bytes()[:keep])
    assert inspect(path).verdict in ("changed", "unsigned", "unmarked", "unreadable")


def test_tags_that_only_look_like_a_statement_are_none(tmp_path: Path) -> None:
    for number, text in enumerate(('voicecast {"synthetic": true', 'voicecast {"synthetic": 1}', "voicecast {" * 3000)):
        path = tmp_path / f"{number}.wav"
        plain = tmp_path / "plain.wav"
        plain.write_bytes(sound("WAV"))
        converted(plain, path, "-metadata", f"comment={text}")
        assert inspect(path).verdict == "unmarked"


def test_the_command_ends_with_the_least_marked_file(spoken: Path, tmp_path: Path) -> None:
    mp3, plain, text = converted(spoken, tmp_path / "a.mp3"), tmp_path / "plain.wav", tmp_path / "note.txt"
    plain.write_bytes(sound("WAV"))
    text.write_text("no sound")
    run = CliRunner().invoke
    expected = {spoken: "marked", mp3: "unsigned", plain: "unmarked", text: "unreadable"}
    for path, verdict in expected.items():
        done = run(app, ["inspect", str(path)])
        assert done.exit_code == EXIT_CODES[verdict], done.output
    done = run(app, ["inspect", "--json", *map(str, expected)])
    assert [each["verdict"] for each in json.loads(done.stdout)] == list(expected.values())
    assert done.exit_code == EXIT_CODES["unreadable"]
    assert run(app, ["inspect", str(spoken), str(tmp_path / "none.wav")]).exit_code == 2


def test_the_key_is_made_once_for_its_owner_alone(own_settings: pytest.MonkeyPatch) -> None:
    assert signing.own_signer() is None, "looking makes none"
    made = signing.signer()
    assert signing.signer() == made
    path = settings().keys_dir / "signing.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["signing.pem"]
    assert "PRIVATE" not in repr(made)


def test_pods_that_are_given_one_key_sign_as_one_and_say_so_where_it_is_missing(
    own_settings: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = signing.signer()
    shared = shutil.copy(settings().keys_dir / "signing.pem", tmp_path / "signing.pem")
    assert not caplog.records
    own_settings.setenv("VOICECAST_SIGN_PEM", str(shared))
    for pod in ("one", "other"):
        own_settings.setenv("VOICECAST_KEYS_DIR", str(tmp_path / pod))
        settings.cache_clear()
        assert signing.signer() == made
        assert made.chain in signing.anchors()
        assert not (tmp_path / pod).exists()
    own_settings.setenv("VOICECAST_SIGN_PEM", str(tmp_path / "none.pem"))
    settings.cache_clear()
    assert signing.signer() != made
    assert "signs with a key of its own" in caplog.text
    assert signing.signer() != made
    assert caplog.text.count("a key of its own") == 1, "once, when it is made"


def test_a_file_signed_elsewhere_is_valid_and_not_known(spoken: Path, own_settings: pytest.MonkeyPatch) -> None:
    elsewhere = settings.__wrapped__().keys_dir
    assert inspect(spoken).credentials.state == "valid"
    assert inspect(spoken).verdict == "marked"
    assert not elsewhere.exists(), "inspecting makes no key"


def test_a_key_of_ones_own_signs(own_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = signing.signer()
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    key.write_bytes(made.key)
    chain.write_bytes(made.chain)
    own_settings.setenv("VOICECAST_KEYS_DIR", str(tmp_path / "unused"))
    own_settings.setenv("VOICECAST_SIGN_KEY", str(key))
    settings.cache_clear()
    with pytest.raises(SettingsError, match="belong together"):
        signing.signer()
    own_settings.setenv("VOICECAST_SIGN_CHAIN", str(chain))
    settings.cache_clear()
    path = tmp_path / "line.wav"
    path.write_bytes(marked(sound("WAV"), STATED))
    assert inspect(path).credentials.state == "trusted"
    assert not (tmp_path / "unused").exists()
    certificates = x509.load_pem_x509_certificates(made.chain)
    chain.write_bytes(b"".join(each.public_bytes(signing.serialization.Encoding.PEM) for each in certificates[::-1]))
    with pytest.raises(SettingsError, match="signer's own first"):
        signing.signer()


def test_where_no_key_can_be_kept_the_way_out_is_said(own_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file where the folder would be")
    with pytest.raises(SettingsError, match="VOICECAST_KEYS_DIR"):
        signing.signer()


def test_a_watermark_that_is_not_installed_is_said_and_not_left_out(own_settings: pytest.MonkeyPatch) -> None:
    own_settings.setenv("VOICECAST_WATERMARK", "silentseal")
    settings.cache_clear()
    from infra.watermarks import watermark_plug_in

    with pytest.raises(SettingsError, match=r"silentseal is not installed; there are: .*audioseal"):
        watermark_plug_in()


def test_the_tool_names_the_version_of_the_project() -> None:
    assert tomllib.loads((HERE / "pyproject.toml").read_text())["project"]["version"] == VERSION
