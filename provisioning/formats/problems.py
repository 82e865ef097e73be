"""FileProblem: why a whole file cannot be read. Leaves this package as a Finding."""

from __future__ import annotations

from dataclasses import replace

from provisioning.findings import Finding, rules


class FileProblem(Exception):
    """Raised while a file is opened or parsed; ``rule`` is a key of findings.toml.

    The text of the exception is the rule alone: values of a file stay out of messages.
    """

    def __init__(
        self,
        rule: str,
        *,
        line: int | None = None,
        field_name: str = "",
        value: str = "",
        **details: str,
    ) -> None:
        super().__init__(rule)
        self._found = Finding(
            rule=rule,
            severity=rules()[rule],
            file="",
            line=line,
            field_name=field_name,
            value=value[:200],
            details=details,
        )

    def finding(self, file: str, school_code: str = "") -> Finding:
        return replace(self._found, file=file, school_code=school_code)
