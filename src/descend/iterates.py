"""The former name of `descend.averaging`."""

from descend.averaging import *  # noqa: F403
