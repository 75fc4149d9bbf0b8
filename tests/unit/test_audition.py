"""An audition: held-out lines by every version, blind pairs, votes that stay, and what they come to."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from containers.contract.stages import STAGES
from flows.audition import AuditionDesk
from flows.cli.audition import audition as judge
from infra.review import NotThere
from infra.review_doors import Links
from infra.store import write_json
from tasks.auditions import audition_page
from tasks.auditions.audition import REAL, Audition, Sample, scores_of, trials_of
from tasks.auditions.audition_export import export, publish
from tasks.auditions.audition_lines import Recorded, own_lines
from tasks.auditions.audition_making import Wanted, hold, load
from tasks.auditions.audition_samples import said
from tasks.auditions.audition_votes import SAME, Ballot, Vote, VoteError, cast_vote, cast_votes, results, votes_of
from tasks.speech.judging import characters_wrong, interval
from tasks.studio import Stored, Studio
from tasks.trust import audit
from tasks.trust.provenance_found import inspect
from tasks.trust.rights import NoVoice, RightsError
from tasks.trust.rights_derived import plan
from tasks.voices import all_voices
from tests.unit.sheet_material import reference
from tests.unit.stub_studio import RIGHTS, studio_at
from tests.unit.test_voices import voice

TEXTS = ("はい。", "いいえ。")


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[Studio, Audition]:
    """Anna has two versions, a reference and two texts to say; the recogniser is stub."""
    folder = tmp_path_factory.mktemp("audition")
    reference(folder, "A")
    (folder / "refs" / "A2.flac").write_text(json.dumps({"stub": {"person": "A", "title": "another line"}}))
    anna = {"name": "アンナ <b>", "references": "refs/A*.flac", "rights": RIGHTS}
    studio = studio_at(folder, characters={"anna": anna, "ben": {"name": "Ben"}}, engines=dict.fromkeys(STAGES, "stub"))
    voice(studio, folder)
    voice(studio, folder, "B")
    return studio, hold(studio, "anna", Wanted(texts=TEXTS, own=2))


def vote(a: str, b: str, nearer: str, who: str = "mika", line: str = "L1", minute: int = 0) -> Vote:
    time = datetime(2026, 11, 26, tzinfo=UTC) + timedelta(minutes=minute)
    return Vote(id="0", time=time.isoformat(), who=who, audition="x", line=line, a=a, b=b, nearer=nearer)


def test_every_version_says_every_line_and_the_character_its_own(held: tuple[Studio, Audition]) -> None:
    studio, audition = held
    assert [each.kind for each in audition.lines] == ["own", "own", "text", "text"]
    assert audition.contestants[0].id == REAL
    assert [each.current for each in audition.contestants] == [False, True, False]
    assert len(audition.samples) == 2 + 2 * 4
    assert [each.missing for each in audition.samples if each.missing] == []
    assert load(studio, "anna") == audition


def test_figures_are_of_the_stages_and_a_recording_is_compared_with_its_others(held: tuple[Studio, Audition]) -> None:
    """The reference is A's; the first version is A's too, the current one B's."""
    _, audition = held
    scores = {each.contestant: each for each in scores_of(audition)}
    current, first = (each.id for each in audition.contestants[1:])
    assert scores[REAL].similarity > 0.9
    assert scores[first].similarity > 0.9
    assert scores[current].similarity < 0.5
    assert (scores[first].f0_error_cents, scores[REAL].f0_error_cents) == (0.0, None)
    assert audition.recogniser == "stub 1"
    assert scores[first].longer_seconds == pytest.approx(0, abs=0.001)


def test_generated_players_are_marked_and_logged_and_their_names_tell_nothing(held: tuple[Studio, Audition]) -> None:
    studio, audition = held
    for each in audition.samples:
        key = f"series/toy/auditions/anna/{each.player}"
        assert each.contestant not in each.player
        found = inspect(studio.store.path(key))
        assert (found.verdict == "marked") == (each.contestant != REAL)
    logged = {each.about.get("key") for each in audit.entries(studio.store, "toy") if each.action == "speak"}
    assert logged == {
        f"series/toy/auditions/anna/{each.player}" for each in audition.samples if each.contestant != REAL
    }


def test_the_same_audition_is_found_again_and_nothing_is_said_twice(held: tuple[Studio, Audition]) -> None:
    studio, audition = held
    entries = len(list(audit.entries(studio.store, "toy")))
    assert hold(studio, "anna", Wanted(texts=TEXTS, own=2)) == audition
    assert len(list(audit.entries(studio.store, "toy"))) == entries


def test_each_two_meet_on_each_line_that_both_say_and_the_page_does_not_say_who_they_are(
    held: tuple[Studio, Audition],
) -> None:
    """Three on the character's own lines, two on texts. Nobody has a side of their own."""
    _, audition = held
    trials = trials_of(replace(audition, salt="a salt"))
    assert len(trials) == 2 * 3 + 2 * 1
    assert len({each.a for each in trials} & {each.b for each in trials}) >= 2
    page = audition_page.render(audition)
    assert not [each.id for each in audition.contestants[1:] if each.id in page]
    assert "media/" not in page
    assert "アンナ &lt;b&gt;" in page


def test_votes_stay_and_a_second_one_on_the_same_pair_counts_in_place_of_the_first(
    held: tuple[Studio, Audition],
) -> None:
    studio, audition = held
    trial = trials_of(audition)[0]
    for choice in ("a", "b"):
        cast_vote(studio, audition, Ballot(trial=trial.id, choice=choice, who=" mika "))
    votes = votes_of(studio, "anna")
    assert [each.who for each in votes] == ["mika", "mika"]
    (result,) = results(votes, [each.id for each in audition.contestants])
    assert (result.first, result.won, result.lost) == (trial.b, 1, 0)


def test_a_vote_that_was_not_blind_or_of_another_audition_is_refused(held: tuple[Studio, Audition]) -> None:
    studio, audition = held
    before = votes_of(studio, "anna")
    with pytest.raises(VoteError, match="made anew meanwhile"):
        cast_vote(studio, audition, Ballot(trial="0" * 16, choice="a", who="mika"))
    with pytest.raises(VoteError, match="shown already"):
        cast_vote(studio, audition, Ballot(trial=trials_of(audition)[0].id, choice="a", who="mika", blind=False))
    with pytest.raises(ValueError, match="name of who listens"):
        Ballot(trial="0", choice="a", who="  ")
    assert votes_of(studio, "anna") == before


def test_a_file_of_votes_is_taken_in_once_and_wholly(held: tuple[Studio, Audition], tmp_path: Path) -> None:
    studio, audition = held
    ballots = [{"trial": each.id, "choice": "same", "who": "ken", "blind": True} for each in trials_of(audition)[:3]]
    said = {"series": "toy", "character": "anna", "audition": audition.identity, "ballots": ballots}
    taken = cast_votes(studio, audition, said, "votes.json")
    assert (taken.new, taken.known) == (3, 0)
    assert cast_votes(studio, audition, said, "votes.json").known == 3
    with pytest.raises(VoteError, match=r"votes\.json: trials gone are not of this audition"):
        cast_votes(studio, audition, {**said, "ballots": [*ballots, {**ballots[0], "trial": "gone"}]}, "votes.json")
    with pytest.raises(VoteError, match="not on anna of toy"):
        cast_votes(studio, audition, {**said, "character": "ben"}, "votes.json")
    assert sum(each.who == "ken" for each in votes_of(studio, "anna")) == 3
    page = studio.store.read(publish(studio, audition)).decode()
    assert json.loads(page.partition('id="data">')[2].partition("</script>")[0])["shown"]["listeners"] == 2
    written = export(studio, audition, tmp_path)
    assert all((tmp_path / each.player).is_file() for each in audition.samples)
    assert written.read_text("utf-8") == page


def test_the_desk_gives_out_only_what_is_of_the_audition(held: tuple[Studio, Audition]) -> None:
    studio, audition = held
    desk = AuditionDesk(studio, Links(token="a-token-of-the-tests"), audition)
    sounds = desk.tell("trial", trials_of(audition)[0].id)
    assert set(sounds) == {"a", "b", "reference"}
    name = sounds["a"]["player"].partition("?")[0].removeprefix("media/")
    assert desk.file(name).is_file()
    assert min(each["gain"] for each in sounds.values()) > 0
    assert max(each["gain"] for each in sounds.values()) == 1.0
    for what, which in (("trial", "none"), ("votes", "")):
        with pytest.raises(NotThere):
            desk.tell(what, which)
    with pytest.raises(NotThere):
        desk.file("../audition.json")
    assert desk.take("vote", {"trial": "none", "choice": "a", "who": "x"})[0] == 422


def test_a_revoked_character_has_no_audition_left(held: tuple[Studio, Audition]) -> None:
    studio, audition = held
    keys = set(plan(studio, "anna").keys)
    assert {f"series/toy/auditions/anna/{each.player}" for each in audition.samples} <= keys
    assert "series/toy/auditions/anna/audition.json" in keys
    assert any("export audition" in each for each in plan(studio, "anna").outside), "the folder that was written before"


def test_without_rights_or_a_voice_nothing_is_made(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    with pytest.raises(RightsError):
        hold(studio, "ben", Wanted())
    with pytest.raises(NoVoice, match="anna has no trained voice yet"):
        hold(studio, "anna", Wanted())
    assert not list(studio.store.keys("series/toy/auditions"))


def test_a_version_whose_engine_is_not_there_is_told(held: tuple[Studio, Audition]) -> None:
    studio, audition = held
    card = replace(all_voices(studio, "anna")[0], engine="gone 1")
    line = Recorded(line=audition.lines[0], file=Stored(key="none", sha256="0" * 64))
    told = said(studio, card, line)
    assert isinstance(told, Sample)
    assert "no engine 'gone' plays convert" in str(told.missing)
    partly = replace(audition, samples=(*audition.samples[:1], told))
    assert trials_of(partly) == ()
    assert scores_of(partly)[1].lines == 0


def test_the_command_shows_figures_and_votes_and_takes_in_a_file(
    held: tuple[Studio, Audition], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    studio, audition = held
    said = {"series": studio.series.model_dump(mode="json", exclude_unset=True), "folder": str(studio.series.folder)}
    write_json(studio.store, "series/toy/series.json", {"file": said["series"], "folder": said["folder"]})
    where = {"series": "toy", "store": str(studio.series.folder / "store")}
    judge("anna", text=list(TEXTS), lines=2, summary=True, **where)
    shown = capsys.readouterr().out
    assert all(each.id in shown for each in audition.contestants[1:])
    ballots = [{"trial": trials_of(audition)[0].id, "choice": "a", "who": "yui", "blind": True}]
    votes = tmp_path / "votes.json"
    votes.write_text(json.dumps({"series": "toy", "character": "anna", "audition": "x", "ballots": ballots}), "utf-8")
    judge("anna", votes=votes, **where)
    shown = capsys.readouterr().out
    assert "1 new votes" in shown
    assert "win rate" in shown
    votes.write_text("no votes", "utf-8")
    with pytest.raises(VoteError, match="this is no file of votes"):
        judge("anna", votes=votes, **where)


def test_a_clip_is_held_out_only_if_every_card_says_so(held: tuple[Studio, Audition], tmp_path: Path) -> None:
    """Two good clips are beyond the data set's minutes, one of which an older version has learnt from."""
    studio, _ = held
    laid = studio_at(tmp_path, characters={"anna": {"name": "Anna", "rights": RIGHTS}})
    rows = [("00001000", "dropped", "enough"), ("00005000", "dropped", "enough"), ("00009000", "kept", "good")]
    lines = []
    for name, verdict, reason in rows:
        laid.store.write(
            f"series/toy/episodes/s01e01/clips/{name}.flac", json.dumps({"stub": {"person": "A"}}).encode()
        )
        said = {"verdict": verdict, "reason": reason, "start": 1.0, "end": 4.0, "text": "はい"}
        lines.append(json.dumps({"clip": f"s01e01/{name}", **said}))
    laid.store.write("series/toy/characters/anna/manifest.jsonl", "\n".join(lines).encode())
    card = all_voices(studio, "anna")[0]
    (line,) = own_lines(laid, "anna", [replace(card, learnt_from=("s01e01-00001000", "s01e01-00009000"))], 4)
    assert (line.line.of, line.line.words, line.line.held_out) == ("s01e01/00005000", "はい", True)
    (line,) = own_lines(laid, "anna", [replace(card, learnt_from=())], 4)
    assert (line.line.of, line.line.held_out) == ("s01e01/00009000", False)


def test_win_rates_count_draws_as_half_and_their_interval_narrows_with_votes() -> None:
    votes = [vote("v1", "v2", "v2", line=f"L{n}") for n in range(6)]
    votes += [vote("v2", "v1", SAME, line="L7"), vote("v2", "v1", "v1", line="L8")]
    (result,) = results(votes, ["v1", "v2"])
    assert (result.first, result.second, result.won, result.lost, result.same) == ("v2", "v1", 6, 1, 1)
    assert result.rate == 0.812
    assert result.low < result.rate < result.high
    wide, narrow = interval(8, 10), interval(80, 100)
    assert narrow[0] - wide[0] > 0.1
    assert interval(0, 0) == (0.0, 1.0)
    assert interval(10, 10)[1] == 1.0


def test_a_vote_is_for_one_of_two() -> None:
    with pytest.raises(ValueError, match="a vote is for one of v1 and v2"):
        vote("v1", "v2", "v3")


@pytest.mark.parametrize(
    ("said", "heard", "wrong"),
    [
        ("今日は、晴れ。", "今日は晴れ", 0.0),
        ("ＡＢＣ", "abc", 0.0),
        ("あいう", "あう", 0.3333),
        ("はい", "", 1.0),
        ("！", "", None),
    ],
)
def test_characters_are_counted_without_marks_and_forms(said: str, heard: str, wrong: float | None) -> None:
    assert characters_wrong(said, heard) == wrong
