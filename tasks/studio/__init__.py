"""The studio: what a flow run works with, and the one way to make or find what a stage makes."""

from tasks.studio.order import Made, Order, Source, Stored, sent
from tasks.studio.records import files_of_record
from tasks.studio.studio import Studio
