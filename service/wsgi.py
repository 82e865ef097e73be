"""What a WSGI server loads: ``granian --interface wsgi service.wsgi:application``."""

from __future__ import annotations

from service import create_app
from service.logs import set_up_logging

set_up_logging()
application = create_app()
