"""The review service, by HTTP on a real socket: who comes in, what is sent, and what never is."""

from __future__ import annotations

import http.client
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from containers.contract.codec import decode
from flows.review import SheetDesk, wake
from flows.sheet_export import upload_link
from infra.review import listening, server
from infra.review_doors import LARGEST_ANSWER, Doors, Links, from_own_page, new_token
from tasks.labelling import sheet_inbox
from tasks.labelling.decisions import decide
from tasks.labelling.labels import LabelsError, history, record
from tasks.labelling.sheet_answer import SheetAnswer
from tasks.opening import write_if_new
from tasks.studio import Studio
from tests.unit import sheet_material as material
from tests.unit.stub_studio import studio_at

TOKEN = "a-token-that-only-the-tests-know"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Service:
    """A running service; requests go out as they are written, with nothing put right on the way."""

    def __init__(self, studio: Studio) -> None:
        self.studio, self.told = studio, list[SheetAnswer]()
        links = Links(token=TOKEN)
        self.links = links
        self.desk = SheetDesk(studio, links, self._wake)
        self.doors = Doors(token=TOKEN)
        self.socket = listening("127.0.0.1", 0)
        self.port: int = self.socket.getsockname()[1]
        self._server = server(self.desk, self.doors, links)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self._thread.start()

    def _wake(self, studio: Studio, answer: SheetAnswer) -> str:
        self.told.append(answer)
        return "The season that waited goes on."

    def ask(self, path: str, method: str = "GET", body: Any = None, inside: bool = True, **headers: str) -> Reply:
        sent = {"Host": f"127.0.0.1:{self.port}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if inside:
            sent.setdefault("Authorization", f"Bearer {TOKEN}")
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in {**sent, "Content-Length": str(len(data or b""))}.items():
                connection.putheader(name, value)
            connection.endheaders(data)
            got = connection.getresponse()
            return Reply(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        finally:
            connection.close()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self.socket.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("toy")
    studio = studio_at(folder)
    material.lay(studio, [material.Heard(id=f"S00{n}", person=str(n), clips=2, suggestion="anna") for n in (1, 2, 3)])
    studio.store.write("series/other/episodes/s01e01/clips/00001000.flac", b"of another series")
    running = Service(studio)
    yield running
    running.close()


def player(service: Service, speaker: str = "S001", kind: str = "player") -> str:
    return "/" + service.ask(f"/api/sounds/{speaker}").json[0][kind]


def said(**more: Any) -> dict[str, Any]:
    labels = more.get("labels", {})
    empty = {"id": "0123456789ab", "who": "yui", "rejected": [], "later": []}
    return {**empty, "labels": labels, "before": dict.fromkeys(labels), **more}


# ---------------------------------------------------------------- who comes in


@pytest.mark.parametrize(
    "path", ["/api/state", "/api/sounds/S001", "/media/x.mp3", "/api/nothing", "/docs", "/openapi.json"]
)
def test_nothing_is_told_without_the_token(service: Service, path: str) -> None:
    assert service.ask(path, inside=False).status == 401
    assert service.ask(path, inside=False, Authorization="Bearer wrong").status == 401
    assert service.ask(path, inside=False, Cookie=f"voicecast-review-{service.port}=wrong").status == 401


def test_the_front_page_without_the_token_is_the_entrance_and_holds_nothing_of_the_series(service: Service) -> None:
    reply = service.ask("/", inside=False)
    assert reply.status == 401
    assert b"needs its token" in reply.body
    assert b"S001" not in reply.body


def test_the_token_opens_once_and_a_cookie_from_then_on(service: Service) -> None:
    reply = service.ask("/enter", "POST", {"token": TOKEN}, inside=False, Origin=f"http://127.0.0.1:{service.port}")
    cookie = reply.headers["set-cookie"]
    assert "httponly" in cookie.lower()
    assert "samesite=lax" in cookie.lower()
    assert TOKEN not in cookie
    page = service.ask("/", inside=False, Cookie=cookie.partition(";")[0])
    assert page.status == 200
    assert b"S001" in page.body
    assert TOKEN.encode() not in page.body


@pytest.mark.parametrize("token", ["wrong", "", None, 7, ["x"], {"a": 1}])
def test_a_wrong_token_opens_nothing(service: Service, token: Any) -> None:
    reply = service.ask("/enter", "POST", {"token": token}, inside=False)
    assert reply.status == 401
    assert "set-cookie" not in reply.headers


def test_a_short_token_is_refused_and_a_made_one_is_long_and_new() -> None:
    with pytest.raises(ValueError, match="16 characters"):
        Doors(token="short")
    assert len(new_token()) >= 40
    assert new_token() != new_token()


def test_the_token_is_never_logged(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        service.ask("/enter", "POST", {"token": TOKEN}, inside=False)
        service.ask(f"/?token={TOKEN}", inside=False)
        link = player(service)
        service.ask(link)
    assert "GET /media/" in caplog.text
    assert TOKEN not in caplog.text
    assert parse_qs(urlsplit(link).query)["signature"][0] not in caplog.text


# ---------------------------------------------------------------- other sites


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example", "", "[", "0.0.0.0"],
)
def test_a_name_of_another_site_that_points_here_is_not_answered(service: Service, host: str) -> None:
    """DNS rebinding: the browser sends the other site's name as Host, even with a valid token."""
    assert service.ask("/", Host=host.format(port=service.port)).status == 421


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST", "[::1]:{port}", "localhost:9999"]
)
def test_this_machines_own_names_are_answered_whatever_the_port_in_front(service: Service, host: str) -> None:
    assert service.ask("/", Host=host.format(port=service.port)).status == 200


def test_open_to_others_it_answers_to_addresses_and_names_it_was_told(service: Service) -> None:
    doors = Doors(token=TOKEN, names=frozenset({"review", "sheet.example.org"}), addresses=True)
    assert all(doors.answers_to(each) for each in ("10.1.2.3:8484", "[fd00::1]:80", "review:8484", "Sheet.example.org"))
    assert not any(doors.answers_to(each) for each in ("evil.example", "10.1.2.3.evil.example", None, "10.1.2"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
    ],
)
@pytest.mark.parametrize("path", ["/enter", "/api/answer", "/api/undo"])
def test_another_sites_page_can_send_nothing(service: Service, path: str, headers: dict[str, str]) -> None:
    """Cross-site request forgery, with the cookie that the browser would add."""
    cookie = f"voicecast-review-{service.port}={service.doors.pass_}"
    reply = service.ask(path, "POST", said(labels={"S003": "ben"}), inside=False, Cookie=cookie, **headers)
    assert reply.status == 403
    assert history(service.studio.store, "toy") == ()


def test_the_services_own_page_may_send() -> None:
    host = "127.0.0.1:8484"
    assert from_own_page(host, f"http://{host}", "same-origin", "application/json; charset=utf-8")
    assert from_own_page("sheet.example.org", "https://sheet.example.org", "same-origin", "application/json")
    assert not from_own_page("", "null", None, "application/json")


def test_no_page_may_frame_it_and_no_other_origin_may_read_it(service: Service) -> None:
    headers = service.ask("/").headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


# ---------------------------------------------------------------- media


def test_ranges_are_sent_so_that_seeking_works(service: Service) -> None:
    link = player(service)
    whole = service.ask(link)
    part = service.ask(link, Range="bytes=10-19")
    assert (whole.status, whole.headers["accept-ranges"], whole.headers["content-type"]) == (200, "bytes", "audio/mpeg")
    assert (part.status, part.body) == (206, whole.body[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.body)}"
    assert service.ask(link, Range="bytes=-5").body == whole.body[-5:]
    assert service.ask(link, Range=f"bytes={len(whole.body)}-").status == 416


def test_a_link_is_for_one_file_and_for_a_while(service: Service) -> None:
    one, other = (urlsplit(player(service, each, "picture")) for each in ("S001", "S002"))
    assert one.path != other.path
    assert service.ask(f"{other.path}?{one.query}").status == 403
    assert service.ask(one.path).status == 403
    name = one.path.removeprefix("/media/")
    over = service.links.sign(name, now=time.time() - 901)
    assert service.ask("/" + over).status == 403
    until = parse_qs(one.query)["until"][0]
    assert service.ask(f"{one.path}?{one.query.replace(until, str(int(until) + 9999))}").status == 403
    assert service.ask("/" + Links(token="another token, and long").sign(name)).status == 403
    assert service.ask("/" + service.links.sign(name)).status == 200


def test_a_signed_link_alone_is_not_enough(service: Service) -> None:
    assert service.ask(player(service), inside=False).status == 401


PLACES = [
    "../series.json", "..%2fseries.json", "..%252f..%252fetc%252fpasswd", "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/etc/passwd", "....//....//etc/passwd", "..\\..\\series.json", "%00", "x.mp3%00.png",
    "series/toy/cast/speakers.json", ".",
    "series/other/episodes/s01e01/clips/00001000.flac", "%E2%80%A5/series.json", "speakers.json",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_no_path_leads_to_another_file(service: Service, place: str) -> None:
    """Not even with the token, nor with a signature for just that name."""
    for path in (f"/media/{place}", f"/{service.links.sign(place)}", f"/api/sounds/{place}", f"/{place}"):
        reply = service.ask(path)
        assert reply.status in (403, 404), path
        assert b"of another series" not in reply.body
        assert b"root:" not in reply.body


def test_a_clip_that_was_made_a_link_to_elsewhere_is_not_sent(service: Service, tmp_path: Path) -> None:
    link = player(service, "S003")
    secret = tmp_path / "secret"
    secret.write_text("root:x:0:0")
    name = urlsplit(link).path.removeprefix("/media/")
    path = service.desk.file(name)
    whole = path.read_bytes()
    path.unlink()
    path.symlink_to(secret)
    try:
        reply = service.ask(link)
    finally:
        path.unlink()
        path.write_bytes(whole)
    assert reply.status == 404
    assert b"root:" not in reply.body
    assert service.ask(link).status == 200


def test_a_clip_that_vanished_is_said_and_ends_nothing(service: Service) -> None:
    link = player(service, "S003")
    path = service.desk.file(urlsplit(link).path.removeprefix("/media/"))
    whole = path.read_bytes()
    path.unlink()
    assert service.ask(link).status == 404
    path.write_bytes(whole)
    assert service.ask("/").status == 200


# ---------------------------------------------------------------- answers


@pytest.fixture
def fresh(service: Service) -> Iterator[Service]:
    yield service
    for place in ("labels", "answers"):
        for key in list(service.studio.store.keys(f"series/toy/cast/{place}")):
            service.studio.store.delete(key)
    service.told.clear()


def test_an_answer_is_kept_and_the_run_that_waits_is_told(fresh: Service) -> None:
    reply = fresh.ask("/api/answer", "POST", said(labels={"S001": "ben"}, later=["S002"]))
    assert reply.status == 200
    assert reply.json["run"] == "The season that waited goes on."
    assert reply.json["state"]["said"]["S001"]["character"] == "ben"
    assert [each.labels for each in history(fresh.studio.store, "toy")] == [{"S001": "ben"}]
    assert [each.later for each in fresh.told] == [("S002",)]


def test_the_second_of_two_is_told_and_sees_what_counts_now(fresh: Service) -> None:
    record(fresh.studio.store, "toy", decide("mika", "sheet", {"S001": "anna"}))
    reply = fresh.ask("/api/answer", "POST", said(labels={"S001": "ben", "S002": "ben"}))
    assert reply.status == 409
    assert "mika said S001 is anna" in reply.json["message"]
    assert reply.json["state"]["said"]["S001"]["who"] == "mika"
    assert len(history(fresh.studio.store, "toy")) == 1
    assert fresh.told == []


def test_ten_people_at_once_decide_one_after_the_other(fresh: Service) -> None:
    replies: list[int] = []

    def give(number: int) -> None:
        sent = said(labels={"S001": "ben"}, id=f"{number:012x}", who=f"person {number}")
        replies.append(fresh.ask("/api/answer", "POST", sent).status)

    people = [threading.Thread(target=give, args=(number,)) for number in range(10)]
    for each in people:
        each.start()
    for each in people:
        each.join()
    assert sorted(replies) == [200] + [409] * 9
    assert len(history(fresh.studio.store, "toy")) == 1


def test_a_decision_can_be_taken_back(fresh: Service) -> None:
    fresh.ask("/api/answer", "POST", said(labels={"S001": "ben"}))
    reply = fresh.ask("/api/undo", "POST", {"decision": "0123456789ab", "who": "yui"})
    assert reply.json["state"]["said"] == {}
    assert fresh.ask("/api/undo", "POST", {"decision": "0123456789ab", "who": "yui"}).status == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no json", 400), (b"[" * 200_000, 400), (b"x" * (LARGEST_ANSWER + 1), 400), (b"\xff", 400), (b"[]", 422),
        ({"labels": {}}, 422), ({**said(), "more": 1}, 422), (said(who=""), 422), (said(labels={"S999": "ben"}), 422),
        (said(labels={"S001": 7}), 422), (said(rejected=["s01e01/1"]), 422),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused_with_a_reason(fresh: Service, body: Any, status: int) -> None:
    reply = fresh.ask("/api/answer", "POST", body)
    assert reply.status == status
    assert reply.json["message"]
    assert history(fresh.studio.store, "toy") == ()


def test_where_no_server_is_known_a_run_that_waits_is_not_forgotten(service: Service, tmp_path: Path) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    studio, answer = studio_at(tmp_path), decode(SheetAnswer, said(labels={"S001": "ben"}))
    assert wake(studio, answer) == "", "nothing waits"
    studio.store.write("series/toy/cast/forms/run-1.json", b"{}")
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        assert "set PREFECT_API_URL" in wake(studio, answer)


def test_a_port_that_is_taken_is_said_at_once(service: Service) -> None:
    with pytest.raises(OSError, match="in use"):
        listening("127.0.0.1", service.port)


def test_it_listens_on_loopback_only(service: Service) -> None:
    assert service.socket.getsockname()[0] == "127.0.0.1"
    assert service.socket.family == socket.AF_INET


# ---------------------------------------------------------------- the command

COMMAND = "import typer; from flows.cli import review; app = typer.Typer(); review.add_to(app); app()"


@pytest.fixture
def config(service: Service) -> list[str]:
    """The same series, as the command line names it."""
    write_if_new(service.studio.store, service.studio.series)
    store = service.studio.store.path("series/toy/cast/speakers.json").parents[3]
    return ["--store", str(store), "--series", "toy"]


def test_the_command_shows_a_link_with_a_new_token_and_ends_when_it_is_told(config: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-c", COMMAND, *config, "--port", "0"]
    with open(tmp_path / "log", "wb") as log:
        running = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, cwd=tmp_path, env=environment, text=True
        )
    with running:
        assert running.stdout is not None
        link = next(line.strip() for line in running.stdout if line.startswith("http"))
        address, _, token = link.partition("#")
        assert address.startswith("http://127.0.0.1:")
        request = urllib.request.Request(f"{address}api/state", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            assert "version" in json.load(reply)
        running.send_signal(signal.SIGINT)
        assert running.wait(30) in (0, 130)
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert token not in (tmp_path / "log").read_text()


# ---------------------------------------------------------------- answers by a link


def link_of(service: Service, days: float = 1.0) -> str:
    link = urlsplit(upload_link(service.studio, f"http://127.0.0.1:{service.port}", timedelta(days=days)))
    return f"{link.path}?{link.query}"


def put(service: Service, link: str, body: Any, **headers: str) -> Reply:
    """As a browser sends it from a page on a disk: with no cookie, no token, and an origin that is none."""
    return service.ask(link, "PUT", body, inside=False, **{"Origin": "null", "Sec_Fetch_Site": "cross-site", **headers})


def test_a_link_takes_one_answer_from_a_page_on_a_disk_and_no_second(fresh: Service) -> None:
    link = link_of(fresh)
    asks = fresh.ask(
        link, "OPTIONS", inside=False, Origin="null", Access_Control_Request_Method="PUT", Sec_Fetch_Site="cross-site"
    )
    assert (asks.status, asks.headers["access-control-allow-origin"]) == (204, "*")
    assert "access-control-allow-credentials" not in asks.headers
    wrong = put(fresh, link, said(labels={"S999": "ben"}))
    assert wrong.status == 422, "an answer that cannot be used does not use up the link"
    first = put(fresh, link, said(labels={"S001": "ben"}, later=["S002"]))
    assert (first.status, first.json["conflicts"]) == (200, {})
    assert first.headers["access-control-allow-origin"] == "*"
    again = put(fresh, link, said(labels={"S001": "ben"}, later=["S002"]))
    assert again.status == 200, "its reply was lost on the way, and it is sent again"
    other = put(fresh, link, said(labels={"S003": "ben"}, id="ba9876543210"))
    assert other.status == 410
    assert "came by this link already" in other.json["message"]
    assert [each.labels for each in history(fresh.studio.store, "toy")] == [{"S001": "ben"}]


@pytest.mark.parametrize("link", ["/hand-in", "/hand-in?link=", "/hand-in?link=guessed", "/hand-in?link=../../x"])
def test_a_link_that_was_not_given_out_takes_nothing(fresh: Service, link: str) -> None:
    assert put(fresh, link, said(labels={"S001": "ben"})).status == 410
    assert history(fresh.studio.store, "toy") == ()


def test_a_link_is_over_after_its_time(fresh: Service) -> None:
    reply = put(fresh, link_of(fresh, days=-0.01), said(labels={"S001": "ben"}))
    assert (reply.status, history(fresh.studio.store, "toy")) == (410, ())
    assert "too old" in reply.json["message"]


def test_a_link_opens_nothing_else_and_other_names_are_not_answered(fresh: Service) -> None:
    link = link_of(fresh)
    assert put(fresh, link.replace("/hand-in", "/api/answer"), said(labels={"S001": "ben"})).status == 403
    assert fresh.ask(link.replace("/hand-in", "/api/state"), inside=False).status == 401
    assert fresh.ask(link, inside=False).status == 401
    assert put(fresh, link, said(labels={"S001": "ben"}), Host="evil.example").status == 421
    assert put(fresh, link, b"x" * (LARGEST_ANSWER + 1)).status == 400
    assert history(fresh.studio.store, "toy") == ()


def test_the_secret_of_a_link_is_in_no_log_and_not_in_the_store(
    fresh: Service, caplog: pytest.LogCaptureFixture
) -> None:
    link = link_of(fresh)
    secret = parse_qs(urlsplit(link).query)["link"][0]
    with caplog.at_level(logging.DEBUG):
        put(fresh, link, said(labels={"S001": "ben"}))
    assert "PUT /hand-in 200" in caplog.text
    assert secret not in caplog.text
    store = fresh.studio.store
    assert all(secret.encode() not in store.read(key) and secret not in key for key in store.keys("series/toy/cast"))


def test_an_answer_that_was_put_into_the_store_is_taken_in_once_even_after_a_crash(
    fresh: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a link that a bucket signed; the service dies between the decision and its record of the upload."""
    key = sheet_inbox.upload_key(fresh.studio, sheet_inbox.new_name())
    record(fresh.studio.store, "toy", decide("mika", "sheet", {"S002": "anna"}))
    fresh.studio.store.write(key, json.dumps(said(labels={"S001": "ben", "S002": "ben"})).encode())
    with monkeypatch.context() as dying:
        dying.setattr(sheet_inbox, "_keep", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            fresh.desk.take_in()
    fresh.desk.take_in()
    fresh.desk.take_in()
    assert [each.labels for each in history(fresh.studio.store, "toy")] == [{"S002": "anna"}, {"S001": "ben"}]
    assert [each.name for each in fresh.told] == ["yui"]
    fresh.studio.store.write(key, json.dumps(said(labels={"S003": "ben"}, id="ba9876543210")).encode())
    fresh.desk.take_in()
    assert len(history(fresh.studio.store, "toy")) == 2, "the link was used"


@pytest.mark.parametrize("body", [b"no json", b"\xff", b"[]", b'{"labels": {}}', b"[" * 100_000])
def test_what_was_put_there_and_is_no_answer_is_laid_aside_and_holds_up_no_other(fresh: Service, body: bytes) -> None:
    store = fresh.studio.store
    store.write(sheet_inbox.upload_key(fresh.studio, "0" * 32), body)
    store.write(sheet_inbox.upload_key(fresh.studio, "1" * 32), json.dumps(said(labels={"S001": "ben"})).encode())
    fresh.desk.take_in()
    assert [each.labels for each in history(store, "toy")] == [{"S001": "ben"}]
    assert store.read(f"series/toy/cast/answers/unusable/{'0' * 32}.json") == body
    assert list(store.keys("series/toy/cast/answers/uploaded")) == []


@pytest.mark.parametrize(
    "to", ["store", "sheet.example.org", "ftp://x", "javascript:alert(1)", "https://x/?a=b", "http://x; *"]
)
def test_where_a_page_cannot_hand_in_to_is_said_when_it_is_made(service: Service, to: str) -> None:
    with pytest.raises(LabelsError, match="address of a"):
        upload_link(service.studio, to, timedelta(days=1))
