"""The data on which claims are measured, each with a network: digits, text, words, a table, images and clicks."""

from descend.claims.tasks.clicks import CLICKS
from descend.claims.tasks.digits import DIGITS
from descend.claims.tasks.images import IMAGES
from descend.claims.tasks.table import TABLE
from descend.claims.tasks.task import Build, Split, Task
from descend.claims.tasks.text import TEXT
from descend.claims.tasks.words import WORDS

TASKS: dict[str, Task] = {task.name: task for task in (DIGITS, TEXT, WORDS, TABLE, IMAGES, CLICKS)}
__all__ = ["CLICKS", "DIGITS", "IMAGES", "TABLE", "TASKS", "TEXT", "WORDS", "Build", "Split", "Task"]
