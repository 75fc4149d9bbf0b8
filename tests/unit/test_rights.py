"""Rights: for what, until when, on which paper; a revocation stands over all of them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from infra.settings import settings
from infra.store import open_store
from infra.store.cache import file_cache
from tasks.speech.speaking import Line, speak
from tasks.studio import Studio
from tasks.trust.audit import verify
from tasks.trust.rights import Revoked, RightsError, bury, check_rights, grant, not_revoked
from tasks.trust.rights_derived import plan
from tasks.trust.rights_revoking import revoke
from tests.unit.s3_servers import moto_server
from tests.unit.stub_studio import RIGHTS, studio_at
from tests.unit.test_voices import voice


def anna(folder: Path, **more: Any) -> Studio:
    return studio_at(
        folder, characters={"anna": {"name": "アンナ", "rights": {**RIGHTS, **more}}, "ben": {"name": "Ben"}}
    )


def test_rights_hold_for_what_they_name(tmp_path: Path) -> None:
    studio = anna(tmp_path, scope="train")
    assert check_rights(studio, "anna", "train").name == "アンナ"
    for use, word in (("speak", "spoken"), ("export", "exported")):
        with pytest.raises(RightsError, match=f"the rights are for train, so this voice is not {word}"):
            check_rights(studio, "anna", use)
    with pytest.raises(ValidationError, match="train"):
        anna(tmp_path, scope="anything")


def test_a_voice_that_was_trained_is_not_spoken_when_its_rights_do_not_go_so_far(tmp_path: Path) -> None:
    voice(anna(tmp_path, scope=["train"]), tmp_path)
    with pytest.raises(RightsError, match="not spoken"):
        speak(anna(tmp_path, scope=["train"]), Line(character="anna", text="はい"))


def test_rights_end_with_their_last_day(tmp_path: Path) -> None:
    assert check_rights(anna(tmp_path, expires="2999-12-31"), "anna", "speak")
    with pytest.raises(RightsError, match="the rights ended on 2026-11-01"):
        check_rights(anna(tmp_path, expires="2026-11-01"), "anna", "speak")


def test_the_paper_must_be_the_one_that_is_named_if_it_is_there(tmp_path: Path) -> None:
    paper = tmp_path / "contract.pdf"
    said = {"document": {"file": "contract.pdf", "sha256": hashlib.sha256(b"signed").hexdigest()}}
    assert check_rights(anna(tmp_path, **said), "anna", "train")
    paper.write_bytes(b"signed")
    card = voice(anna(tmp_path, **said), tmp_path)
    assert card.rights["document"] == said["document"]
    paper.write_bytes(b"another")
    with pytest.raises(RightsError, match=r"contract\.pdf is not the document"):
        check_rights(anna(tmp_path, **said), "anna", "train")


def test_a_revoked_voice_is_refused_until_new_rights_are_granted(tmp_path: Path) -> None:
    studio = anna(tmp_path)
    bury(studio, Revoked(character="anna", by="mika", reason="no", time="2026-11-26T00:00:00Z", rights=dict(RIGHTS)))
    assert not_revoked(studio) == ["ben"]
    with pytest.raises(RightsError, match=r"revoked on 2026-11-26 by mika \(no\).*voicecast grant"):
        check_rights(studio, "anna", "train")
    with pytest.raises(RightsError, match="still has the rights"):
        grant(studio, "anna", "mika")
    renewed = anna(tmp_path, date="2026-12-01")
    assert grant(renewed, "anna", "mika")["date"] == "2026-12-01"
    assert check_rights(renewed, "anna", "speak")
    with pytest.raises(RightsError, match="is not revoked"):
        grant(renewed, "anna", "mika")


def test_what_was_made_of_a_voice_goes_with_it_and_a_second_time_there_is_nothing(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    voice(studio, tmp_path)
    speak(studio, Line(character="anna", text="はい"))
    state = studio.store.work / "state" / ("0" * 40 + "-" + hashlib.sha256(b"train anna").hexdigest()[:8])
    other = state.with_name("0" * 40 + "-" + hashlib.sha256(b"train ben").hexdigest()[:8])
    for each in (state, other):
        each.mkdir(parents=True)
        (each / "checkpoint").write_bytes(b"x")
    found = plan(studio, "anna")
    proof = revoke(studio, "anna", "mika", "no")
    assert proof.erased == found.keys != ()
    assert (proof.still_there, proof.named_still) == ((), ())
    assert not [key for key in studio.store.keys("series/toy") if "voices/anna" in key or "speech/anna" in key]
    assert (state.exists(), other.exists()) == (False, True)
    assert revoke(studio, "anna", "mika", "no").erased == ()
    with pytest.raises(RightsError, match="revoked on"):
        speak(studio, Line(character="anna", text="はい"))


@pytest.mark.proof
def test_in_a_bucket_the_same_goes_and_so_do_its_copies_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = studio_at(tmp_path)
    voice(studio, tmp_path)
    speak(studio, Line(character="anna", text="はい"))
    with moto_server() as server:
        for name, value in {**server.environment, "VOICECAST_CACHE_DIR": str(tmp_path / "cache")}.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        file_cache.cache_clear()
        bucket = open_store(f"s3://{server.new_bucket()}/team one")
        for key in studio.store.keys("series"):
            bucket.write(key, studio.store.read(key))
        model = next(key for key in bucket.keys("series/toy/voices/anna") if not key.endswith((".json", ".md")))
        copy = bucket.path(model)
        assert copy.is_file()
        there = replace(studio, store=bucket, dispatcher=None)
        proof = revoke(there, "anna", "mika", "no")
        left = list(bucket.keys("series/toy"))
        assert verify(bucket, "toy").problem is None
    settings.cache_clear()
    file_cache.cache_clear()
    assert set(proof.erased) == set(plan(studio, "anna").keys) != set()
    assert (proof.still_there, proof.named_still) == ((), ())
    assert not set(proof.erased) & set(left)
    assert not copy.exists()
