"""A Prefect server that is away: what it fails is done again, and nothing else is."""

from __future__ import annotations

import httpx
import pytest
from prefect.exceptions import PrefectHTTPStatusError

from containers.contract.errors import EngineError
from tasks import outages
from tasks.outages import ConcurrencySlotAcquisitionError, bear, is_outage


def answered(status: int) -> PrefectHTTPStatusError:
    response = httpx.Response(status, request=httpx.Request("POST", "http://server/api"))
    return PrefectHTTPStatusError("said", request=response.request, response=response)


def test_no_answer_a_broken_database_and_slots_nobody_gives_are_outages() -> None:
    assert all(map(is_outage, (httpx.ConnectError("x"), answered(500), ConcurrencySlotAcquisitionError("x"))))
    assert not any(map(is_outage, (answered(404), EngineError("x"), ValueError("x"), None)))


def test_a_body_that_an_outage_has_failed_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "_comes_back", lambda: True)
    errors: list[Exception] = [httpx.ConnectError("x"), answered(503)]

    def body() -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert bear(body) == "done"


def test_a_server_that_does_not_come_back_and_other_failures_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "_comes_back", lambda: False)
    for error in (httpx.ConnectError("x"), EngineError("x")):
        with pytest.raises(type(error)):
            bear(lambda error=error: (_ for _ in ()).throw(error))
