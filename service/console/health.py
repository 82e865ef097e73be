"""Health for whoever watches the service: is the process alive, can it do its work?"""

from __future__ import annotations

from flask import Blueprint
from redis import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from service.console.context import settings, the_console
from service.queue import live_workers
from service.redis_link import connect_redis

blueprint = Blueprint("health", __name__, url_prefix="/health")


@blueprint.get("/live")
def live() -> dict[str, str]:
    return {"status": "ok"}


@blueprint.get("/ready")
def ready() -> tuple[dict[str, str], int]:
    """Each neighbour ``ok`` or ``failed``; 503 when one of them failed."""
    checks = {"database": _database_answers(), **queue_answers()}
    parts = {name: "ok" if good else "failed" for name, good in checks.items()}
    return parts, 200 if all(checks.values()) else 503


def _database_answers() -> bool:
    try:
        with the_console().application.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def queue_answers() -> dict[str, bool]:
    """Whether ``redis`` answers and a ``worker`` is there to take jobs from it."""
    try:
        with connect_redis(settings()) as connection:
            workers = live_workers(connection)
    except RedisError:
        return {"redis": False, "worker": False}
    return {"redis": True, "worker": bool(workers)}
