"""The web service functions that we call; an administrator adds exactly these to the service."""

from __future__ import annotations

from enum import StrEnum


class Function(StrEnum):
    SITE_INFO = "core_webservice_get_site_info"
    CALL_SEVERAL = "tool_mobile_call_external_functions"
    """Optional: takes the arguments of other functions as JSON text, so no field limit applies."""
    CREATE_CATEGORIES = "core_course_create_categories"
    UPDATE_CATEGORIES = "core_course_update_categories"
    GET_CATEGORIES = "core_course_get_categories"
    CREATE_COHORTS = "core_cohort_create_cohorts"
    UPDATE_COHORTS = "core_cohort_update_cohorts"
    SEARCH_COHORTS = "core_cohort_search_cohorts"
    GET_COHORT_MEMBERS = "core_cohort_get_cohort_members"
    """Optional: without it a look into Moodle does not know who is in a cohort."""
    ADD_COHORT_MEMBERS = "core_cohort_add_cohort_members"
    DELETE_COHORT_MEMBERS = "core_cohort_delete_cohort_members"
    CREATE_COURSES = "core_course_create_courses"
    UPDATE_COURSES = "core_course_update_courses"
    GET_COURSES_BY_FIELD = "core_course_get_courses_by_field"
    CREATE_USERS = "core_user_create_users"
    UPDATE_USERS = "core_user_update_users"
    DELETE_USERS = "core_user_delete_users"
    """Optional, and not asked for: only ``delete-accounts`` calls it."""
    GET_USERS_BY_FIELD = "core_user_get_users_by_field"
    ENROL_USERS = "enrol_manual_enrol_users"
    UNENROL_USERS = "enrol_manual_unenrol_users"
    GET_ENROLLED_USERS = "core_enrol_get_enrolled_users"
    UNASSIGN_ROLES = "core_role_unassign_roles"
    SET_REPORT_FILTERS = "core_reportbuilder_set_filters"
    """Optional, like the next one: a custom report gives the last accesses of everybody at once."""
    RETRIEVE_REPORT = "core_reportbuilder_retrieve_report"

    @property
    def reads(self) -> bool:
        """A function that changes nothing may be repeated after any failure."""
        return self in {
            Function.SITE_INFO,
            Function.GET_CATEGORIES,
            Function.SEARCH_COHORTS,
            Function.GET_COHORT_MEMBERS,
            Function.GET_COURSES_BY_FIELD,
            Function.GET_USERS_BY_FIELD,
            Function.GET_ENROLLED_USERS,
            Function.SET_REPORT_FILTERS,
            Function.RETRIEVE_REPORT,
        }

    @property
    def optional(self) -> bool:
        """Tell whether loads work without the function, only more slowly."""
        return self in {
            Function.GET_COHORT_MEMBERS,
            Function.CALL_SEVERAL,
            Function.DELETE_USERS,
            Function.SET_REPORT_FILTERS,
            Function.RETRIEVE_REPORT,
        }
