"""Class teachers: who leads a class, as the rolls say."""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base


class ClassTeacher(Base):
    """A person leads a class of a school, by the last applied file that names the class."""

    __tablename__ = "class_teachers"
    school_code: Mapped[str] = mapped_column(String(64), primary_key=True)
    class_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), index=True)


class PlannedClassTeacher(Base):
    """What a plan's file says about a class; becomes ``ClassTeacher`` with the plan's roll."""

    __tablename__ = "planned_class_teachers"
    __table_args__ = (ForeignKeyConstraint(["plan_id"], ["school_plans.id"]),)
    plan_id: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36), default="")
    """Empty when the class has no class teacher."""
