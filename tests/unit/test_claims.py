"""Claims: one owner at a time, and what a dead one had begun is handed on."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

from infra.claims import LIVE_SECONDS, find, release, renew, take
from infra.store import LocalStore


def grow_old(store: LocalStore, item: str) -> None:
    """As if nobody had renewed a claim."""
    path = store.path(f"claims/{item}.json")
    then = path.stat().st_mtime - LIVE_SECONDS - 1
    os.utime(path, (then, then))


def test_of_two_who_claim_an_item_both_hear_whose_it_is(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    mine = take(store, "ab12", "one")
    assert (mine.owner, mine.attempt) == ("one", 1)
    assert take(store, "ab12", "two") == mine
    assert take(store, "other", "two").owner == "two"


def test_of_many_who_claim_at_once_one_succeeds(tmp_path: Path) -> None:
    store, answers = LocalStore(tmp_path), []
    threads = [threading.Thread(target=lambda i=i: answers.append(take(store, "a", f"{i}"))) for i in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(answers) == 12
    assert len({each.owner for each in answers}) == 1


def test_the_next_owner_learns_what_a_dead_one_had_started(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    mine = take(store, "ab12", "one")
    assert renew(store, replace(mine, attach={"job": "demucs-7"}))
    grow_old(store, "ab12")
    assert find(store, "ab12") is None
    taken = take(store, "ab12", "two")
    assert (taken.owner, taken.attempt, taken.attach) == ("two", 2, {"job": "demucs-7"})
    assert not renew(store, mine)
    release(store, mine)
    assert find(store, "ab12") == taken


def test_a_restarted_owner_of_the_same_name_gets_its_claim_back_at_once(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    renew(store, replace(take(store, "ab12", "one"), attach={"job": "demucs-7"}))
    assert take(store, "ab12", "one").attach == {"job": "demucs-7"}


def test_a_claim_given_up_is_free(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    release(store, take(store, "ab12", "one"))
    assert find(store, "ab12") is None
    assert take(store, "ab12", "two").attempt == 1
