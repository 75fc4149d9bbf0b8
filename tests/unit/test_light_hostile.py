"""Episodes from strangers: what they may make the light engine do."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from containers.contract.errors import RecordingError
from containers.light import decoding
from tests.unit import media_material as made


@pytest.fixture
def listener() -> Iterator[tuple[int, list[str]]]:
    """A web server on this machine, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], asked
    server.shutdown()


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile 'http://127.0.0.1:{port}/a.wav'\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>http://127.0.0.1:{port}/'
        "</BaseURL></Period></MPD>",
    ],
    ids=["hls", "concat", "dash"],
)
@pytest.mark.parametrize("ending", ["mkv", "m3u8"])
def test_a_file_that_names_an_address_makes_nobody_call_there(
    tmp_path: Path, listener: tuple[int, list[str]], text: str, ending: str
) -> None:
    port, asked = listener
    episode = tmp_path / f"episode.{ending}"
    episode.write_text(text.format(port=port), "utf-8")
    with pytest.raises(RecordingError):
        made.extract(tmp_path, episode)
    assert asked == []


def test_reading_a_file_ends_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "LIMIT_SECONDS", -1.0)
    with pytest.raises(RecordingError, match="took over"):
        made.extract(tmp_path, made.wav(tmp_path / "slow.wav", made.stereo(1.0)))


def test_a_recording_that_never_ends_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes of FLAC may stand for hours of silence: a bomb for the disk."""
    monkeypatch.setattr(decoding, "LONGEST", 2.0)
    result, _, _ = made.extract(tmp_path, made.wav(tmp_path / "long.wav", made.stereo(20.0)))
    assert result.duration < 4.0
    assert result.problems
