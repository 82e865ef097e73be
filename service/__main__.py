"""``python -m service``: the same as the ``schoolbridge`` command."""

from service.cli import main

main(prog_name="schoolbridge")
