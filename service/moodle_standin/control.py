"""Pages by which a test or an operator changes a running stand-in: faults, settings, counts,
state."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, make_response, request

from service.moodle_standin.dispatch import Dispatcher
from service.moodle_standin.faults import Fault, FaultKind
from service.moodle_standin.settings import PasswordPolicy
from service.moodle_standin.snapshot import read_snapshot

counting = Blueprint("moodle_standin_counting", __name__)
"""Pages that are always there: they show names of functions and numbers only."""
control = Blueprint("moodle_standin_control", __name__)
"""Pages of a stand-in that was made with control: they show people and change answers."""


def _dispatcher() -> Dispatcher:
    dispatcher: Dispatcher = current_app.extensions["moodle_standin"]
    return dispatcher


@counting.get("/")
def overview() -> str:
    store = _dispatcher().store
    rows = "".join(
        f"<tr><td>{label}</td><td>{store.number(query)}</td></tr>"
        for label, query in (
            ("Пользователи / Users", "SELECT COUNT(*) FROM user WHERE deleted = 0"),
            ("Категории / Categories", "SELECT COUNT(*) FROM category"),
            ("Курсы / Courses", "SELECT COUNT(*) FROM course WHERE category <> 0"),
            ("Глобальные группы / Cohorts", "SELECT COUNT(*) FROM cohort"),
            ("Участники глобальных групп / Cohort members", "SELECT COUNT(*) FROM cohort_member"),
            ("Зачисления / Enrolments", "SELECT COUNT(*) FROM enrolment"),
        )
    )
    return (
        '<!DOCTYPE html><html lang="ru"><head><meta charset="utf-8"><title>Moodle (стенд)</title>'
        "</head><body><h1>Учебный стенд вместо Moodle</h1>"
        "<p>Отвечает по протоколу веб-служб Moodle 4.5; страниц самого Moodle здесь нет.</p>"
        '<p lang="en">A stand-in that speaks the web service protocol of Moodle 4.5.</p>'
        f"<table>{rows}</table></body></html>"
    )


@counting.get("/standin/counts")
def counts() -> Response:
    return jsonify(_dispatcher().counts())


@counting.delete("/standin/counts")
def reset_counts() -> Response:
    _dispatcher().reset_counts()
    return Response(status=204)


@control.get("/standin/state")
def state() -> Response:
    return jsonify(read_snapshot(_dispatcher().store))


@control.get("/standin/faults")
def list_faults() -> Response:
    return jsonify(
        [asdict(fault) | {"struck": struck} for fault, struck in _dispatcher().faults.struck()]
    )


@control.post("/standin/faults")
def add_fault() -> Response:
    """Body: the fields of `Fault` as JSON."""
    given: dict[str, Any] = request.get_json()
    try:
        fault = Fault(**given | {"kind": FaultKind(given["kind"])})
    except (KeyError, TypeError, ValueError) as error:
        return _bad_request(error)
    _dispatcher().faults.add(fault)
    return Response(status=204)


@control.delete("/standin/faults")
def clear_faults() -> Response:
    _dispatcher().faults.clear()
    return Response(status=204)


@control.post("/standin/settings")
def change_settings() -> Response:
    """Body: the fields of `SiteSettings` to change, as JSON."""
    given: dict[str, Any] = request.get_json()
    dispatcher = _dispatcher()
    try:
        if "password_policy" in given:
            given = given | {"password_policy": PasswordPolicy(**given["password_policy"])}
        dispatcher.settings = replace(dispatcher.settings, **given)
    except TypeError as error:
        return _bad_request(error)
    return Response(status=204)


def _bad_request(error: Exception) -> Response:
    return make_response({"error": str(error)}, 400)
