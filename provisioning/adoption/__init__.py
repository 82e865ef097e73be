"""Accounts of Moodle that somebody else made: whose are they? Pure; reads nothing, writes nothing.

An account is taken over only when what speaks for it is decisive, nothing speaks against it, and it
is the only one of this human, who is the only human for it.
"""

from provisioning.adoption.accounts import Account, ProfileFields, account_of
from provisioning.adoption.comparing import Fit, Rank, Surroundings, compare_account, evidence
from provisioning.adoption.deciding import Outcome, Verdict, decide
from provisioning.adoption.names import Expected, Named, named, paired
from provisioning.adoption.people import Wanted
from provisioning.adoption.untouched import left_alone
from provisioning.adoption.words import KnownSchool, SchoolWords, class_words

__all__ = [
    "Account",
    "Expected",
    "Fit",
    "KnownSchool",
    "Named",
    "Outcome",
    "ProfileFields",
    "Rank",
    "SchoolWords",
    "Surroundings",
    "Verdict",
    "Wanted",
    "account_of",
    "class_words",
    "compare_account",
    "decide",
    "evidence",
    "left_alone",
    "named",
    "paired",
]
