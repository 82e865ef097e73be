"""The kind of a school in one column; words of files that nobody knows are asked for."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_WORDS = {
    "general": (
        "общеобразовательная|общее образование|общеобразовательное учреждение|школа|оо|оу|сош|оош|"
        "нош|общеобразовательная школа|средняя школа|основная школа|начальная школа|"
        "средняя общеобразовательная школа|основная общеобразовательная школа|"
        "начальная общеобразовательная школа|гимназия|прогимназия|лицей|школа интернат|ши|"
        "интернат|цо|центр образования|с к ош|скош|коррекционная школа|всош|вечерняя школа|"
        "кадетская школа|кадетский корпус|general"
    ),
    "additional": (
        "дополнительное образование|доп образование|удод|удо|ддт|ддют|дюц|цдт|дюсш|дши|дмш|"
        "центр дополнительного образования|additional"
    ),
    "vocational": "спо|среднее профессиональное образование|колледж|техникум|училище|vocational",
    "preschool": "дошкольная|дошкольное образование|доу|доо|детский сад|preschool",
    "other": "другая|иная|other",
}
_TYPES = {word: name for name, words in _WORDS.items() for word in words.split("|")}


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold().replace("ё", "е")))


def upgrade() -> None:
    op.execute("ALTER TABLE schools RENAME COLUMN kind TO unknown_type")
    schools = sa.table("schools", sa.column("type"), sa.column("unknown_type"))
    word, known = schools.c.unknown_type, schools.c.type
    connection = op.get_bind()
    words = connection.scalars(sa.select(word).where(word != "").distinct()).all()
    for each in words:
        if found := _TYPES.get(_plain(each)):
            connection.execute(
                sa.update(schools).where(word == each, known.is_(None)).values(type=found)
            )
    connection.execute(sa.update(schools).where(known.is_not(None)).values(unknown_type=""))
