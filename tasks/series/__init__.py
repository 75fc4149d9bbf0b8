"""The series file: what a person says about a series, checked, with the line that is wrong.

A value here is what was written plus defaults; nothing is looked up on disk.
"""

from tasks.series.characters import Character, Document, Rights, Use
from tasks.series.choices import CastSize, Dereverb, Keep, Quality, Questions, Separate, Targets
from tasks.series.fields import SLUG, SeriesError, Slug
from tasks.series.reading import read_series
from tasks.series.series import JAPANESE, Series
