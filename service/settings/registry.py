"""Settings of the registry: ``[registry]`` of the settings file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrySettings:
    mapping_dirs: tuple[str, ...] = ()
    """Folders with more mappings of other platforms' files (docs/registry.md)."""
    file_bytes: int = 10 * 1024 * 1024
    """The largest CSV or XLSX file."""
    unpacked_bytes: int = 200 * 1024 * 1024
    """The largest XLSX file once unpacked."""
    rows: int = 20_000
    """The most rows of one table."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a limit that would refuse every file."""
        for name in ("file_bytes", "unpacked_bytes", "rows"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
