"""What administrators and teachers do in Moodle by hand, and the drift that it makes."""

from __future__ import annotations

from tests.service.portal.conftest import Meddling, Portal
from tests.service.trial import A, B


def _delete(portal: Portal) -> None:
    portal.delete_user(portal.number(A, "p-1"))


def _suspend(portal: Portal) -> None:
    portal.update_user(portal.number(A, "p-1"), suspended=1)


def _rename(portal: Portal) -> None:
    portal.update_user(portal.number(A, "p-1"), lastname="Иначева")


def _other_login(portal: Portal) -> None:
    portal.update_user(portal.number(A, "p-1"), username="another.login")


def _other_address(portal: Portal) -> None:
    portal.update_user(portal.number(A, "p-1"), email="another@other.invalid")


def _other_sign_in(portal: Portal) -> None:
    portal.update_user(portal.number(A, "p-1"), auth="manual")


def _no_idnumber(portal: Portal) -> None:
    portal.update_user(portal.number(A, "p-1"), idnumber="")


def _second_account(portal: Portal) -> None:
    portal.trial.make_stranger("second", idnumber=portal.trial.person_id(A, "p-1"))


def _delete_cohort(portal: Portal) -> None:
    portal.ask("core_cohort_delete_cohorts", cohortids=[_class(portal)])


def _class(portal: Portal) -> int:
    return portal.object("cohort", f"class:{A}").moodle_id


def _change_cohort(portal: Portal, **fields: object) -> None:
    row = portal.object("cohort", f"class:{A}")
    system = {"type": "system", "value": ""}
    given = {"name": row.fields["name"], "idnumber": row.key, "categorytype": system} | fields
    portal.ask("core_cohort_update_cohorts", cohorts=[{"id": row.moodle_id, **given}])


def _rename_cohort(portal: Portal) -> None:
    _change_cohort(portal, name="Не тот класс")


def _hide_cohort(portal: Portal) -> None:
    _change_cohort(portal, visible=0)


def _other_idnumber_of_cohort(portal: Portal) -> None:
    _change_cohort(portal, idnumber="of-somebody")


def _double_cohort(portal: Portal) -> None:
    # As real Moodle: an update lets an idnumber through that another cohort has.
    system = {"type": "system", "value": ""}
    fresh = {"name": "x", "idnumber": "", "categorytype": system}
    (made,) = portal.ask("core_cohort_create_cohorts", cohorts=[fresh])
    row = portal.object("cohort", f"class:{A}")
    again = {"id": made["id"], "name": "x", "idnumber": row.key, "categorytype": system}
    portal.ask("core_cohort_update_cohorts", cohorts=[again])


def _delete_course(portal: Portal) -> None:
    portal.ask("core_course_delete_courses", courseids=[_course(portal)])


def _course(portal: Portal) -> int:
    return portal.object("course", A).moodle_id


def _change_course(portal: Portal, **fields: object) -> None:
    portal.ask("core_course_update_courses", courses=[{"id": _course(portal), **fields}])


def _rename_course(portal: Portal) -> None:
    _change_course(portal, fullname="Другой курс")


def _move_course(portal: Portal) -> None:
    # The category of the other school.
    of_b = portal.course(portal.object("course", B).moodle_id)
    _change_course(portal, categoryid=of_b["categoryid"])


def _hide_course(portal: Portal) -> None:
    _change_course(portal, visible=0)


def _double_course(portal: Portal) -> None:
    row = portal.course(_course(portal))
    fields = {"fullname": row["fullname"], "shortname": "double", "categoryid": row["categoryid"]}
    portal.ask("core_course_create_courses", courses=[fields])


def _rename_category(portal: Portal) -> None:
    row = portal.object("category", f"school:{A}:")
    portal.ask("core_course_update_categories", categories=[{"id": row.moodle_id, "name": "Иная"}])


def _leave_cohort(portal: Portal) -> None:
    member = {"cohortid": _class(portal), "userid": portal.number(A, "p-1")}
    portal.ask("core_cohort_delete_cohort_members", members=[member])


def _join_cohort(portal: Portal) -> None:
    who = {"type": "id", "value": str(portal.number(B, "q-1"))}
    where = {"type": "id", "value": str(_class(portal))}
    portal.ask("core_cohort_add_cohort_members", members=[{"cohorttype": where, "usertype": who}])


def _unenrol(portal: Portal) -> None:
    place = {"userid": portal.number(A, "p-1"), "courseid": _course(portal)}
    portal.ask("enrol_manual_unenrol_users", enrolments=[place])


def _enrol(portal: Portal) -> None:
    place = {"roleid": 5, "userid": portal.number(B, "q-1"), "courseid": _course(portal)}
    portal.ask("enrol_manual_enrol_users", enrolments=[place])


def _change_role(portal: Portal) -> None:
    _unenrol(portal)
    place = {"roleid": 3, "userid": portal.number(A, "p-1"), "courseid": _course(portal)}
    portal.ask("enrol_manual_enrol_users", enrolments=[place])


MEDDLING: dict[str, tuple[Meddling, str, str]] = {
    "delete an account": (_delete, "account_deleted", ""),
    "suspend": (_suspend, "account_suspended", ""),
    "rename": (_rename, "account_renamed", "lastname"),
    "other login": (_other_login, "account_renamed", "username"),
    "other address": (_other_address, "account_renamed", "email"),
    "other way of signing in": (_other_sign_in, "account_renamed", "auth"),
    "no idnumber": (_no_idnumber, "account_renamed", "person_id"),
    "second account": (_second_account, "second_account", ""),
    "delete a cohort": (_delete_cohort, "object_deleted", ""),
    "rename a cohort": (_rename_cohort, "object_renamed", "name"),
    "hide a cohort": (_hide_cohort, "object_hidden", "visible"),
    "other idnumber of a cohort": (_other_idnumber_of_cohort, "object_renamed", "idnumber"),
    "double a cohort": (_double_cohort, "object_doubled", ""),
    "delete a course": (_delete_course, "object_deleted", ""),
    "rename a course": (_rename_course, "object_renamed", "fullname"),
    "move a course": (_move_course, "object_moved", "category"),
    "hide a course": (_hide_course, "object_hidden", "visible"),
    "double a course": (_double_course, "object_doubled", ""),
    "rename a category": (_rename_category, "object_renamed", "name"),
    "leave a cohort": (_leave_cohort, "member_gone", ""),
    "join a cohort": (_join_cohort, "member_added", ""),
    "unenrol": (_unenrol, "enrolment_gone", ""),
    "enrol": (_enrol, "enrolment_added", ""),
    "change a role": (_change_role, "role_changed", "role"),
}
