"""Where Redis is, and how to reach it."""

from __future__ import annotations

import redis

from service.data_folder import run_folder
from service.settings import Settings


def redis_url(settings: Settings) -> str:
    return settings.redis.url or f"unix://{run_folder(settings) / 'redis.sock'}"


def connect_redis(settings: Settings) -> redis.Redis:
    return redis.Redis.from_url(redis_url(settings))


def redis_answers(settings: Settings) -> bool:
    try:
        with connect_redis(settings) as connection:
            return bool(connection.ping())
    except redis.RedisError:
        return False
