"""What each stage is asked for a series, and under which keys its files are kept; a module for each part of the job."""

from tasks.orders.data_sets import clean, dereverb, dereverb_record
from tasks.orders.dubbing import BadTiming, Label, Placed, Timing, Under, mix, mux, retime
from tasks.orders.episodes import (
    cut,
    diarize,
    embed,
    extract,
    fingerprint,
    fingerprint_vocals,
    folder_of,
    probe,
    separate,
    separation,
    survey,
    video_of,
)
from tasks.orders.given import clean_recording, embed_reference, extract_given, extract_line, measure
from tasks.orders.previews import Shown, archive, excerpts, preview
from tasks.orders.separating import CONDENSED, compare, condense, detect, restore, separate_condensed
from tasks.orders.voices import convert, synthesize, train
