"""The log of a system's requests with what the stand-in says to its developer about each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from auth.esia.models import EsiaLogEntry, EsiaRefusal
from service.console.paging import Page, page_of
from service.signin.esia_systems import log_of

PAGE_SIZE = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLine:
    entry: EsiaLogEntry
    refusal: EsiaRefusal | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LogPage:
    lines: Sequence[LogLine]
    page: Page[EsiaLogEntry]


def log_page(db: Session, mnemonic: str) -> LogPage:
    """The page that the request asks for, in two queries and the count."""
    page: Page[EsiaLogEntry] = page_of(db, log_of(mnemonic), size=PAGE_SIZE)
    numbers = [entry.refusal_id for entry in page.items if entry.refusal_id]
    found = db.scalars(select(EsiaRefusal).where(EsiaRefusal.id.in_(numbers)))
    refusals = {refusal.id: refusal for refusal in found}
    lines = [
        LogLine(entry=entry, refusal=refusals.get(entry.refusal_id or 0)) for entry in page.items
    ]
    db.expunge_all()
    return LogPage(lines=lines, page=page)
