"""What a WSGI server loads: ``granian --interface wsgi service.wsgi:application``."""

from __future__ import annotations

from service import create_app
from service.logs import set_up_logging
from service.starting import one_clear_line, start

set_up_logging()
with one_clear_line():
    application = create_app(start())
