"""Which school a file of an unknown code is, without a database."""

from __future__ import annotations

import pytest

from provisioning.school_identity import By, KnownSchool, Verdict, identify


def known(code: str, people: int, roll: int = 30) -> KnownSchool:
    return KnownSchool(code=code, roll=roll, known={By.ID: {str(one) for one in range(people)}})


@pytest.mark.parametrize(
    ("alike", "is_registered", "expected"),
    [
        (known("0123", 30), False, Verdict.SAME),
        (known("0123", 0, roll=0), False, Verdict.SAME),
        (known("0123", 0), False, Verdict.ASK),
        (known("0123", 30), True, Verdict.ASK),
        (known("0123", 0, roll=0), True, Verdict.NEW),
        (known("0123", 0), True, Verdict.NEW),
    ],
    ids=[
        "its people", "nobody yet", "other people", "its people, registered",
        "nobody yet, registered", "other people, registered",
    ],
)  # fmt: skip
def test_a_code_that_the_registry_has_is_not_another_one_misspelled(
    alike: KnownSchool, is_registered: bool, expected: Verdict
) -> None:
    assert identify("123", 30, [alike], is_registered=is_registered).verdict is expected
