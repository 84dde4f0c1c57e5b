"""Experiments in which nothing is tuned: theory or the condition gives the learning rate, or nothing is trained."""

from descend.claims.claim import Settings


class Untuned:
    """The part of an experiment that tunes nothing."""

    def prepare(self, condition: str) -> Settings:
        """Return no settings."""
        return {}
