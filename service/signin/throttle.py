"""A throttle that counts in Redis, for all web processes together."""

from __future__ import annotations

import hmac
import logging
import secrets
from datetime import UTC, datetime, timedelta

from redis import Redis, RedisError

from auth.signin.throttle import Throttle, ThrottleKey
from service.redis_link import redis_url
from service.settings import Settings

ANSWER_SECONDS = 0.5
"""The longest wait for a Redis that hangs; then the fallback counts."""

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
        self.window = window
        self._secret = secret
        self._fallback = fallback

    def paused_until(self, *keys: ThrottleKey, now: datetime) -> datetime | None:
        since = f"({(now - self.window).timestamp()}"
        try:
            with self._redis.pipeline(transaction=False) as together:
                for key in keys:
                    # The failure with which the key falls below its limit again.
                    together.zrevrangebyscore(
                        self._name(key), "+inf", since, start=key.limit - 1, num=1, withscores=True
                    )
                answers = together.execute()
        except RedisError as error:
            self._say_lost(error)
            return self._fallback.paused_until(*keys, now=now)
        found = [score for answer in answers for _failure, score in answer]
        return datetime.fromtimestamp(max(found), UTC) + self.window if found else None

    def failed(self, *keys: ThrottleKey, now: datetime) -> None:
        try:
            with self._redis.pipeline() as together:
                for key in keys:
                    name = self._name(key)
                    together.zadd(name, {secrets.token_hex(8): now.timestamp()})
                    together.zremrangebyscore(name, "-inf", (now - self.window).timestamp())
                    together.expire(name, self.window)
                together.execute()
        except RedisError as error:
            self._say_lost(error)
            self._fallback.failed(*keys, now=now)

    def _name(self, key: ThrottleKey) -> str:
        return f"throttle:{hmac.digest(self._secret, key.text.encode(), 'sha256').hex()}"

    def _say_lost(self, error: RedisError) -> None:
        log.warning("Redis does not count failures, the database does: %s", type(error).__name__)
