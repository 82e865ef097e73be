"""Words for the queue: kinds of question, answers, what each answer does, states, evidence."""

from __future__ import annotations

from collections.abc import Mapping

from provisioning.questions import Answer, Evidence, Question, QuestionKind, Speaks
from service.i18n import N_
from service.i18n import gettext as _
from service.words import words, words_or_code

kind = words(
    match=N_("same person?"),
    split=N_("two people?"),
    move=N_("moved from another school?"),
    school=N_("which school?"),
    renumbered=N_("new ids of a whole export"),
    **{"class": N_("which class?")},
    login=N_("whose login in Moodle?"),
    account=N_("whose account in Moodle?"),
)

asked = words(
    match=N_("Is the row {key} the person whom we know?"),
    split=N_("The row {key} and a person whom we know share a number or an id. Is it one person?"),
    move=N_("Has the person of row {key} come from another school?"),
    school=N_("Is school {key} one that we know under another code?"),
    renumbered=N_("The export has new ids. Are these the same people as before?"),
    **{"class": N_("Is class {key} one that we know under another id?")},
    login=N_("Moodle has an account with the login of row {key} and a like name. Is it theirs?"),
    account=N_("Moodle has an account with the name of row {key}. Is it this person's?"),
)
"""The question itself; ``{key}`` is the id that the file gives."""

state = words(
    open=N_("waits for an answer"),
    answered=N_("answered"),
    superseded=N_("settled by a newer file"),
)

answer = words(
    same=N_("yes, the same"),
    different=N_("no, another one"),
    confirm=N_("confirm"),
    refuse=N_("refuse"),
)

_EFFECTS: Mapping[tuple[QuestionKind, Answer], str] = {
    (QuestionKind.MATCH, Answer.SAME): N_(
        "The row belongs to this person from now on: one account, which keeps its login and "
        "password and gets the places of the row."
    ),
    (QuestionKind.MATCH, Answer.DIFFERENT): N_(
        "The row gets an account of its own. The accounts of the candidates stay as they are."
    ),
    (QuestionKind.SPLIT, Answer.SAME): N_(
        "One person: both rows lead to one account, which keeps its login and password."
    ),
    (QuestionKind.SPLIT, Answer.DIFFERENT): N_(
        "Two people: the row gets an account of its own, without the number or id that they "
        "share. The other account stays as it is."
    ),
    (QuestionKind.MOVE, Answer.CONFIRM): N_(
        "The account moves along: same login, password and history, places of this school. The "
        "places at the old school end."
    ),
    (QuestionKind.MOVE, Answer.REFUSE): N_(
        "The row gets an account of its own; the account at the other school stays as it is."
    ),
    (QuestionKind.SCHOOL, Answer.SAME): N_(
        "Files under this code are of the school that we know: same accounts, categories, "
        "cohorts and courses."
    ),
    (QuestionKind.SCHOOL, Answer.DIFFERENT): N_(
        "It is a new school, with a category, cohorts and courses of its own."
    ),
    (QuestionKind.RENUMBERED, Answer.CONFIRM): N_(
        "Everybody keeps the account, the places and the class courses under the new ids."
    ),
    (QuestionKind.RENUMBERED, Answer.REFUSE): N_(
        "There is no one decision for all: whom СНИЛС proves are known by it, and each other row "
        "is asked about by itself."
    ),
    (QuestionKind.CLASS, Answer.SAME): N_(
        "The class keeps the cohort and the course with its content."
    ),
    (QuestionKind.CLASS, Answer.DIFFERENT): N_(
        "It is another class and gets a cohort and a course of its own."
    ),
    **{
        (kind, given): told
        for kind in (QuestionKind.LOGIN, QuestionKind.ACCOUNT)
        for given, told in (
            (
                Answer.SAME,
                N_(
                    "The account is taken over with its login, password and work: it gets our id "
                    "number, the names of the row, our sign-in and the places of the school."
                ),
            ),
            (
                Answer.DIFFERENT,
                N_("The account stays as it is; the person gets one with the next free login."),
            ),
        )
    },
}


_OF_PLACES: Mapping[Answer, tuple[str, str]] = {
    Answer.CONFIRM: (
        N_("has left the other school"),
        N_(
            "The pupil has left the other school: the cohorts and courses there end. The account "
            "stays the same, with the places of this school."
        ),
    ),
    Answer.REFUSE: (
        N_("attends both schools"),
        N_("The pupil attends both schools: one account, with the places of both."),
    ),
}
"""Who the row is has been proven: the answer in words, and what it does."""
_ASKED_OF_PLACES = N_("Has the pupil of row {key} left the other school, which lists them still?")


def effect(question: Question, given: Answer) -> str:
    """What the answer will do in Moodle."""
    return _(_OF_PLACES[given][1] if question.is_about_places else _EFFECTS[question.kind, given])


def answer_to(question: Question, given: Answer) -> str:
    """The answer itself, in the words of the question."""
    return _(_OF_PLACES[given][0]) if question.is_about_places else answer(given)


SHOWN_ROWS = 5


def asked_in_words(question: Question) -> str:
    """Return the question as it is put, with the ids that the file gives."""
    # Of a question that was settled long ago only the key is kept.
    ids = [one.sourced_id or one.school_code for one in question.rows] or [question.key]
    more = ", …" if len(ids) > SHOWN_ROWS else ""
    put = _(_ASKED_OF_PLACES) if question.is_about_places else asked(question.kind)
    return put.format(key=", ".join(ids[:SHOWN_ROWS]) + more)


speaks = words({Speaks.FOR: N_("for"), Speaks.AGAINST: N_("against"), Speaks.NEITHER: N_("—")})

FIELDS: Mapping[str, str] = {
    "family_name": N_("family name"),
    "given_name": N_("given name"),
    "middle_name": N_("patronymic"),
    "names": N_("names"),
    "birth_date": N_("birth date"),
    "sex": N_("sex"),
    "snils": N_("SNILS"),
    "role": N_("role"),
    "source_key": N_("id in the file"),
    "class": N_("class"),
    "subject": N_("subject"),
    "class_pupils": N_("pupils of the class"),
    "class_title": N_("title of the class"),
    "class_grade": N_("year of the class"),
    "class_teacher": N_("class teacher"),
    "class_id": N_("id of the class"),
    "school": N_("school"),
    "move": N_("move to this school"),
    "login": N_("login"),
    "email": N_("e-mail"),
    "institution": N_("institution in Moodle"),
    "id_number": N_("ID number in Moodle"),
    "account": N_("account"),
}
"""What is compared: the first half of ``Evidence.code``."""

WAYS: Mapping[str, str] = {
    "equal": N_("equal"),
    "different": N_("differs"),
    "other": N_("differs"),
    "one_letter": N_("differs by one letter"),
    "swapped": N_("day and month in each other's place"),
    "one_digit": N_("differs by one digit"),
    "unsaid": N_("not given"),
    "turned": N_("family name and given name in each other's place"),
    "same_year": N_("the same year of study"),
    "listed": N_("listed by another school now"),
    "left": N_("no school lists the person now"),
    "none": N_("nobody in common"),
    "unknown": N_("not known"),
    "most": N_("most in common"),
    "some": N_("some in common"),
    "people_known": N_("people of the file who are known there"),
    "known_by_id": N_("known there by id"),
    "known_by_snils": N_("known there by SNILS"),
    "known_by_name": N_("known there by name and birth date"),
    "of_roll": N_("share of its roll"),
    "code_alike": N_("code looks alike"),
    "name_equal": N_("the same name"),
    "name_differs": N_("another name"),
    "own_file": N_("has a file of its own in this upload"),
    "listed_by_both": N_("the other school still lists the person"),
    "came_after": N_("the begin date is after the newest export of the other school"),
    "no_begin_date": N_("the row has no begin date"),
    "another": N_("of another person"),
    "suspended": N_("suspended in Moodle"),
}
"""How it compares: the second half."""

field, how = words_or_code(FIELDS), words_or_code(WAYS)


def evidence_in_words(evidence: Evidence) -> str:
    """What one piece of evidence says, without values."""
    name, _dot, means = evidence.code.partition(".")
    return f"{field(name)}: {how(means)}"


shown = words(open=N_("waiting"), answered=N_("answered"), all=N_("all"))
"""Which questions a list shows."""
