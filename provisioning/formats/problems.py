"""FileProblem: why a whole file cannot be read. Leaves this package as a Finding."""

from __future__ import annotations

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
        self.rule = rule
        self.line = line
        self.field_name = field_name
        self.value = value
        self.details = details

    def finding(self, file: str, school_code: str = "") -> Finding:
        return Finding(
            rule=self.rule,
            severity=rules()[self.rule],
            file=file,
            line=self.line,
            school_code=school_code,
            field_name=self.field_name,
            value=self.value[:200],
            details=self.details,
        )
