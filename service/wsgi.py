"""What a WSGI server loads: ``granian --interface wsgi service.wsgi:application``."""

from __future__ import annotations

from service.logs import set_up_logging
from service.processes import end_with_parent
from service.starting import started
from service.web import create_app

# Or the process that answers requests would hold the port when its parent alone is killed.
end_with_parent()
set_up_logging()
with started() as ready:
    application = create_app(ready)
