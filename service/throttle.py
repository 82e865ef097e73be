"""A throttle that counts in Redis, for all web processes together."""

from __future__ import annotations

import hmac
import logging
import secrets
from datetime import datetime, timedelta

from redis import Redis, RedisError

from auth.throttle import Throttle, ThrottleKey
from service.config import Settings
from service.redis_link import redis_url

ANSWER_SECONDS = 0.5
"""Whoever signs in waits so long for a Redis that hangs, then the fallback counts."""

log = logging.getLogger(__name__)


class RedisThrottle:
    """Keeps the moments of failures in sorted sets, under keyed hashes that name nobody.

    When Redis does not answer, ``fallback`` counts: a lost Redis neither locks everybody out nor
    lets anybody guess without end.
    """

    def __init__(
        self, settings: Settings, *, window: timedelta, secret: bytes, fallback: Throttle
    ) -> None:
        self._redis = Redis.from_url(
            redis_url(settings),
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
        )
        self._window = window
        self._secret = secret
        self._fallback = fallback

    def allowed(self, *keys: ThrottleKey, now: datetime) -> bool:
        since = f"({(now - self._window).timestamp()}"
        try:
            with self._redis.pipeline(transaction=False) as together:
                for key in keys:
                    together.zcount(self._name(key), since, "+inf")
                counts = together.execute()
        except RedisError as error:
            self._say_lost(error)
            return self._fallback.allowed(*keys, now=now)
        return all(int(count) < key.limit for key, count in zip(keys, counts, strict=True))

    def failed(self, *keys: ThrottleKey, now: datetime) -> None:
        try:
            with self._redis.pipeline() as together:
                for key in keys:
                    name = self._name(key)
                    together.zadd(name, {secrets.token_hex(8): now.timestamp()})
                    together.zremrangebyscore(name, "-inf", (now - self._window).timestamp())
                    together.expire(name, self._window)
                together.execute()
        except RedisError as error:
            self._say_lost(error)
            self._fallback.failed(*keys, now=now)

    def _name(self, key: ThrottleKey) -> str:
        return f"throttle:{hmac.digest(self._secret, key.text.encode(), 'sha256').hex()}"

    def _say_lost(self, error: RedisError) -> None:
        log.warning("Redis does not count failures, the database does: %s", type(error).__name__)
