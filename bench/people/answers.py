"""Questions are answered as the truth says, as a person at the office would who knew it."""

from __future__ import annotations

import json

from sqlalchemy import select

from bench.people.judge import Judge
from bench.people.office import Office
from bench.place import SCOPE
from provisioning.questions import Answer, QuestionKind
from service.loads.planning import plan_load
from service.models import QuestionState, StoredQuestion
from service.questions import answering

_ROUNDS = 10
"""A question that is asked again and again is no question that can be answered."""


def answer_all(office: Office, judge: Judge) -> int:
    """Answer every open question, and apply what is planned then; how many were answered."""
    application, answered = office.application, 0
    for question in open_questions(office):
        given, candidate = true_answer(question, judge)
        with application.sessions() as session:
            if session.get_one(StoredQuestion, question.id).state != QuestionState.OPEN:
                continue  # another answer has settled it
        done = answering.answer(
            application.sessions, question.id, given, candidate=candidate,
            home=application.settings.home, scope=SCOPE, now=application.clock(),
        )  # fmt: skip
        answered += 1
        judge.asked.append(_told(question, given, judge))
        if done.load_id is not None:
            plan_load(application, done.load_id)
            office.carry_out(done.load_id)
        with application.sessions() as session:
            judge.see_claims(judge.claims.read(session))
    return answered


def answer_until_quiet(office: Office, judge: Judge) -> None:
    """Answer what is asked, and what the answers lead to."""
    for _ in range(_ROUNDS):
        if not answer_all(office, judge):
            return
    raise RuntimeError("questions never end")


def open_questions(office: Office) -> list[StoredQuestion]:
    """What waits for an answer, oldest first."""
    waiting = select(StoredQuestion).where(StoredQuestion.state == QuestionState.OPEN)
    with office.application.sessions() as session:
        return list(session.scalars(waiting.order_by(StoredQuestion.id)).all())


def _told(question: StoredQuestion, given: Answer, judge: Judge) -> str:
    humans = sorted(
        {
            judge.claims.human_of(one["school_code"], one["sourced_id"])
            for one in json.loads(question.rows)[:2]
        }
    )
    events = "; ".join(each for human in humans for each in judge.events_of(human))
    codes = [
        each["code"]
        for one in json.loads(question.candidates)[:1]
        for each in one["evidence"]
        if each["speaks"] == "against" or ".near" in each["code"] or "unsaid" in each["code"]
    ]
    who = f"{question.school_code} {', '.join(humans)}"
    return f"{question.kind} month {judge.month}: {given}, {who} {codes} [{events}]"


def true_answer(question: StoredQuestion, judge: Judge) -> tuple[Answer, str]:
    """The answer, and the key of the candidate that is meant."""
    rows, candidates = json.loads(question.rows), json.loads(question.candidates)
    keys = [str(one["key"]) for one in candidates]
    if question.kind == QuestionKind.SCHOOL:
        fitting = [key for key in keys if judge.is_same_school(question.school_code, key)]
    elif question.kind == QuestionKind.CLASS:
        class_id = question.key.rpartition(" ")[2]  # the school year stands before it
        fitting = [key for key in keys if judge.is_same_class(question.school_code, class_id, key)]
    elif question.kind == QuestionKind.RENUMBERED:
        anew = judge.is_renumbered(question.school_code)
        return (Answer.CONFIRM if anew else Answer.REFUSE), ""
    elif question.kind == QuestionKind.LOGIN:
        return Answer.CONFIRM, ""
    else:
        own = [one for one in rows if one["school_code"] == question.school_code]
        named = [one for one in own if one["sourced_id"] == question.key] or own or rows
        human = judge.claims.human_of(named[0]["school_code"], named[0]["sourced_id"])
        fitting = [key for key in keys if human and judge.human_of(key) == human]
    if question.kind == QuestionKind.MOVE:
        return (Answer.CONFIRM, fitting[0]) if fitting else (Answer.REFUSE, "")
    return (Answer.SAME, fitting[0]) if fitting else (Answer.DIFFERENT, "")
