"""What the background does, as the script says: music where it has music, and a bang five seconds in."""

from __future__ import annotations

import struct

from containers.contract import stages
from containers.contract.item import Item

from . import forms
from .options import Options
from .script import act
from .sounds import read

HOP = 0.02
LOUD, STILL = 1e-3, 1e-9
BANG = (5.0, 5.3)


def survey(options: Options, request: stages.SurveyRequest, item: Item) -> stages.SurveyResult:
    sound = read(item, request.background)
    item.input(request.vocals)
    act("survey", item, (sound.script,), options.sleep_s)
    count = max(1, int(sound.duration / HOP))
    rows = bytearray()
    for index in range(count):
        now = index * HOP
        music = any(each.start <= now < each.end for each in sound.script.music)
        speech = any(each.start <= now < each.end for each in sound.script.turns)
        bang = BANG[0] <= now < BANG[1]
        rows += struct.pack(
            "<4f", LOUD if music or bang else STILL, LOUD if speech else STILL, 20.0 * bang, 6.0 if music else 2.5
        )
    path = forms.write_npy_table(item.output("survey.npy"), bytes(rows), len(stages.SURVEYED))
    return stages.SurveyResult(levels=item.file(path), hop=HOP, rows=count)
