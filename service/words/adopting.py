"""Words for accounts that somebody else made: what is so of each, and why."""

from __future__ import annotations

from service.i18n import N_
from service.words import words, words_or_code

outcome = words(
    read=N_("not compared yet"),
    certain=N_("theirs for certain"),
    agreed=N_("agreed, not taken over yet"),
    question=N_("a question"),
    nobody=N_("nobody's on our rolls"),
    left_alone=N_("never touched"),
    ours=N_("ours already"),
    adopted=N_("taken over"),
    changed=N_("changed since the look"),
)

kind = words(category=N_("categories"), cohort=N_("cohorts"), course=N_("courses"))

state = words(
    reading=N_("Moodle is being read"),
    comparing=N_("accounts are being compared"),
    planned=N_("the list is ready"),
    approved=N_("agreed, being carried out"),
    applied=N_("carried out"),
)

_WHY = {
    "several": N_("several fit equally well"),
    "names.full": N_("full name"),
    "names.exact": N_("name without patronymic"),
    "names.near": N_("name but for one letter"),
    "names.renamed": N_("another family name"),
    "names.other": N_("another name"),
    "names.alike": N_("name with several mistakes"),
    "snils.equal": N_("SNILS"),
    "snils.other": N_("another SNILS"),
    "idnumber.equal": N_("id of the school's file"),
    "idnumber.ours": N_("our own id number"),
    "login.equal": N_("login"),
    "birth_date.equal": N_("birth date"),
    "birth_date.other": N_("another birth date"),
    "school.equal": N_("school"),
    "school.other": N_("another school"),
    "school.unsaid": N_("no school named"),
    "class.equal": N_("class"),
    "class.other": N_("another class"),
    "class.unsaid": N_("no class named"),
    "email.another": N_("address of another person"),
    "of_the_site": N_("made by the installation of Moodle"),
    "in_charge": N_("has rights over the whole site, or is our own"),
    "sign_in_method": N_("sign-in method of machines or of nobody"),
    "listed": N_("listed as never to be touched"),
    "account.gone": N_("deleted in Moodle since"),
    "account.renamed": N_("renamed in Moodle since"),
    "account.second": N_("the person has another account by now"),
    "idnumber.changed": N_("has another id number in Moodle by now"),
    "login.of_another": N_("another person of ours has this login"),
    "person.not_planned": N_("no school lists the person any more"),
}

why = words_or_code(_WHY)
"""Why it is so; codes of Moodle stay as they are."""

problem = words_or_code(
    in_charge_unseen=N_(
        "Our account in Moodle may not see who has rights over the whole site: list the logins of "
        "managers under [moodle] untouched_logins, or give it two more rights (docs/adopting.md)."
    )
)
"""What a look could not see; errors of Moodle stay as they are."""
