"""Lost answers: is it Moodle that does not answer, or one record that Moodle cannot get over?

A single record can make a call end in a server error or a time-out each time. Where Moodle answers
other questions meanwhile, the records are tried in halves until the one is found.
"""

from __future__ import annotations

from dataclasses import dataclass

from provisioning.moodle import MoodleClient, MoodleError, MoodleUnavailable

MAX_TRIES = 3
"""The number of calls that may end uncertainly before the records are tried in halves."""

MOST_IN_A_ROW = 3
"""After so many records in a row, each of whose answers was lost, it is Moodle all the same."""

_OF_MOODLE = {"no_connection", "http_429", "http_503", "dbconnectionfailed", "sitemaintenance"}
"""Codes that are never about one record."""


@dataclass(slots=True)
class LostAnswers:
    """Counts the records of a run whose answers were lost, one after the other."""

    moodle: MoodleClient
    in_a_row: int = 0

    def concern_records(self, error: MoodleError) -> bool:
        """Tell whether to look for the record at fault; else ``error`` is for the caller."""
        if isinstance(error, MoodleUnavailable) and error.code in _OF_MOODLE:
            return False
        if self.in_a_row >= MOST_IN_A_ROW:
            return False
        try:
            self.moodle.site_info()
        except MoodleError:
            return False
        return True

    def count(self) -> None:
        """Note that a record by itself was lost."""
        self.in_a_row += 1

    def answered(self) -> None:
        """Note that Moodle did what it was asked."""
        self.in_a_row = 0
