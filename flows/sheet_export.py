"""The label sheet as a folder, for people without access: its answers come back as a file or by a link."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from containers.contract.codec import write_atomically
from flows.review import SOUNDS_AT_ONCE, file_name
from infra.review import HAND_IN
from infra.store import StoreError
from tasks.labelling import sheet_inbox, sheet_page
from tasks.labelling.label_sheet import heard_by, make_sheet
from tasks.labelling.labels import LabelsError, load
from tasks.labelling.sheet_media import Sound, known_sound, sounds_of
from tasks.studio import Stored, Studio

BUCKET = "store"


def upload_link(studio: Studio, to: str, valid: timedelta) -> str:
    """A link by which one answer may be put, for a while.

    `to`: the address of a review service of this store; or `store`, where the store signs links itself (a bucket).
    """
    if to == BUCKET:
        try:
            key = sheet_inbox.upload_key(studio, sheet_inbox.new_name())
            return studio.store.link_put(key, int(valid.total_seconds()))
        except StoreError as error:
            raise LabelsError(
                "this store is a folder and gives no links of its own; name the address of a running voicecast review"
            ) from error
    if not re.fullmatch(r"https?://[\w.\-:\[\]]+(/[\w.\-~/]*)?", to):
        raise LabelsError(f"{to!r} is no address of a review service, such as https://sheet.example.org")
    return f"{to.rstrip('/')}{HAND_IN}?link={sheet_inbox.open_link(studio, valid)}"


def export(studio: Studio, folder: Path, upload: str | None = None) -> Path:
    """Write the sheet as a page that opens from disk, with its sounds below `media`; gives the page.

    `upload`: where the page puts its answer; without, it is saved as a file only.
    """
    heard, labels = heard_by(studio), load(studio.store, studio.series.series)
    sheet = make_sheet(studio, heard, labels)
    (folder / "media").mkdir(parents=True, exist_ok=True)

    def copied(file: Stored) -> str:
        target = folder / "media" / file_name(file)
        if not target.exists():
            partial = target.with_suffix(".partial")
            shutil.copyfile(studio.store.path(file.key), partial)
            partial.rename(target)
        return f"media/{target.name}"

    def shown(sound: Sound | None) -> Mapping[str, str | None] | None:
        if sound is None:
            return None
        picture = copied(sound.picture) if sound.picture else None
        return {"of": sound.of, "player": copied(sound.player), "picture": picture}

    def heard_of(speaker: str) -> list[Mapping[str, str | None] | None]:
        return [shown(each) for each in sounds_of(studio, heard, speaker)]

    names = [each.id for each in sheet.speakers]
    with ThreadPoolExecutor(SOUNDS_AT_ONCE) as pool:
        clips = dict(zip(names, pool.map(heard_of, names), strict=True))
    known = {each.id: shown(known_sound(studio, heard, labels, each.id)) for each in sheet.characters}
    page = folder / "index.html"
    write_atomically(page, sheet_page.render(sheet, {"clips": clips, "known": known}, upload))
    return page
