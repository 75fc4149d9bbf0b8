"""Auditions served to people: what is heard and voted is in `tasks`, HTTP in `infra.review`; here they meet."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from containers.contract.codec import decode
from containers.contract.errors import RequestError
from infra.review import NotThere
from infra.review_doors import Links
from tasks.auditions import audition_page
from tasks.auditions.audition import Audition, trials_of
from tasks.auditions.audition_export import publish
from tasks.auditions.audition_votes import Ballot, VoteError, cast_vote, votes_of
from tasks.labelling import sheet_page
from tasks.speech.judging import folder_of
from tasks.studio import Studio

log = logging.getLogger("voicecast.audition")


class AuditionDesk:
    """An audition, as the review service shows and takes it."""

    def __init__(self, studio: Studio, links: Links, audition: Audition) -> None:
        self._studio, self._links, self._audition = studio, links, audition
        self._trials = {each.id: each for each in trials_of(audition)}
        made = [each for each in audition.samples if each.missing is None]
        self._files = {place.rpartition("/")[2]: place for each in made for place in (each.player, each.picture)}

    def entrance(self) -> str:
        return sheet_page.entrance("page", f"audition --character {self._audition.character}")

    def page(self) -> str:
        return audition_page.render(self._audition)

    def tell(self, what: str, which: str) -> Any:
        if what == "trial" and which in self._trials:
            return audition_page.sounds(self._audition, self._trials[which], self._link)
        if what == "shown":
            votes = votes_of(self._studio, self._audition.character)
            return audition_page.shown(self._audition, votes, self._link)
        raise NotThere(what)

    def take(self, what: str, said: Any) -> tuple[int, Any]:
        if what != "vote":
            raise NotThere(what)
        try:
            vote = cast_vote(self._studio, self._audition, decode(Ballot, said, "vote"))
        except (VoteError, RequestError) as error:
            return 422, {"message": str(error)}
        log.info("%s voted on line %s", vote.who, vote.line)
        publish(self._studio, self._audition)
        return 200, {"vote": vote.id}

    def hand_in(self, link: str, said: Any) -> tuple[int, Any]:  # noqa: ARG002 (the port of the service)
        return 410, {
            "message": "an audition gives out no links; votes that were saved: voicecast audition --votes FILE"
        }

    def file(self, name: str) -> Path:
        key = f"{folder_of(self._studio, self._audition.character)}/{self._files.get(name, '')}"
        if name not in self._files or self._studio.store.size(key) is None:
            raise NotThere(name)
        return self._studio.store.path(key)

    def _link(self, place: str) -> str:
        return self._links.sign(place.rpartition("/")[2])
