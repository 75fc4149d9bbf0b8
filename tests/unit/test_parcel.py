"""Tars between the house and containers: what is agreed arrives whole, and nothing else leaves a trace outside."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from containers.contract.parcel import ParcelError, pack, unpack


def member(name: str, data: bytes = b"x", **about: object) -> bytes:
    """A tar of one member, of any kind."""
    info = tarfile.TarInfo(name)
    for key, value in {"size": len(data), **about}.items():
        setattr(info, key, value)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def opened(data: bytes, folder: Path, limit: int = 1 << 20) -> dict[str, str]:
    return unpack(io.BytesIO(data), folder / "in", lambda _: True, limit)


def test_files_arrive_as_they_were_sent_with_their_hashes(tmp_path: Path) -> None:
    sent = {"out/a.flac": b"sound" * 1000, "out/clips/声.wav": b"", "run.json": b"{}"}
    for name, data in sent.items():
        (tmp_path / "item" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "item" / name).write_bytes(data)
    pack(tmp_path / "out.tar", ((name, tmp_path / "item" / name) for name in sent))
    hashes = opened((tmp_path / "out.tar").read_bytes(), tmp_path)
    assert hashes == {name: hashlib.sha256(data).hexdigest() for name, data in sent.items()}
    assert {name: (tmp_path / "in" / name).read_bytes() for name in sent} == sent


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "out/../../x", "out//x", ".", "out/\\x", "a/./b"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ParcelError, match="no place here"):
        opened(member(name), tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.GNUTYPE_SPARSE],
)
def test_what_is_no_plain_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(ParcelError, match="no plain file"):
        opened(member("out/x", b"", type=kind, linkname="/etc/passwd"), tmp_path)


def test_an_extended_header_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """Its size is the sender's to say, and a reader that follows it holds it in memory."""
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 40
    with pytest.raises(ParcelError, match="no plain file"):
        opened(header.tobuf(tarfile.GNU_FORMAT), tmp_path)


def test_a_tar_that_is_larger_than_it_may_be_is_refused_by_what_it_says(tmp_path: Path) -> None:
    header = tarfile.TarInfo("out/bomb")
    header.size = 1 << 50
    with pytest.raises(ParcelError, match="more than 1048576 bytes"):
        opened(header.tobuf(tarfile.GNU_FORMAT), tmp_path)
    assert not (tmp_path / "in" / "out" / "bomb").exists()


def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    once = member("out/x")[:1024]
    with pytest.raises(ParcelError, match="cannot be written"):
        opened(once + once + bytes(1024), tmp_path)


def test_what_nobody_asked_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParcelError, match="no place here"):
        unpack(io.BytesIO(member("out/x")), tmp_path, {"out/y"}.__contains__, 100)


@pytest.mark.parametrize("cut", [0, 100, 600, 1024 + 100])
def test_a_tar_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    whole = member("out/x", b"x" * 600)
    with pytest.raises(ParcelError, match="cut off"):
        opened(whole[:cut], tmp_path)


def test_noise_is_no_tar(tmp_path: Path) -> None:
    with pytest.raises(ParcelError, match="damaged"):
        opened(b"\x1f\x8b" + bytes(range(256)) * 10, tmp_path)
