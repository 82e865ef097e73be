"""The exceptions Moodle answers with: class, error code and message as recorded."""

from __future__ import annotations

INVALID_PARAMETER = "Invalid parameter value detected"
INVALID_RESPONSE = "Invalid response value detected"

_NOT_ALLOWED = """Access to the function {function}() is not allowed.
                     There could be multiple reasons for this:
                     1. The service linked to the user token does not contain the function.
                     2. The service is user-restricted and the user is not listed.
                     3. The service is IP-restricted and the user IP is not listed.
                     4. The service is time-restricted and the time has expired.
                     5. The token is time-restricted and the time has expired.
                     6. The service requires a specific capability which the user does not have.
                     7. The function is called with username/password (no user token is sent)
                     and none of the services has the function to allow the user.
                     These settings can be found in Administration > Site administration
                     > Server > Web services > External services and Manage tokens."""


class MoodleError(Exception):
    """One failed call, as the caller sees it.

    `module` is the part of Moodle's documentation address between "error" and the code;
    `debuginfo` is shown only while the site runs with developer debugging.
    """

    def __init__(
        self,
        exception: str,
        errorcode: str,
        message: str,
        module: str = "error",
        debuginfo: str | None = None,
    ) -> None:
        super().__init__(message)
        self.exception = exception
        self.errorcode = errorcode
        self.message = message
        self.module = module
        self.debuginfo = debuginfo


def warning(item: str, item_id: int, code: str, message: str) -> dict[str, str | int]:
    """Return the warning about one item of a call that goes on with the others."""
    return {"item": item, "itemid": item_id, "warningcode": code, "message": message}


def invalid_parameter(debuginfo: str) -> MoodleError:
    exception = "core\\exception\\invalid_parameter_exception"
    return MoodleError(exception, "invalidparameter", INVALID_PARAMETER, "debug", debuginfo)


def unfit_value(value: str, kind: str) -> MoodleError:
    return invalid_parameter(
        f'Invalid external api parameter: the value is "{value}", '
        f'the server was expecting "{kind}" type'
    )


def invalid_response(debuginfo: str) -> MoodleError:
    exception = "core\\exception\\invalid_response_exception"
    return MoodleError(exception, "invalidresponse", INVALID_RESPONSE, "debug", debuginfo)


def refused(errorcode: str, message: str | None = None, *, module: str = "moodle") -> MoodleError:
    """Make a plain refusal; a code without a known text shows as `error/<code>`."""
    text = message if message is not None else f"error/{errorcode}"
    return MoodleError("core\\exception\\moodle_exception", errorcode, text, module)


def context_refused(errorcode: str, what: str, row_id: int) -> MoodleError:
    """Make the refusal of a course or category that is not there."""
    text = (
        f"You cannot execute functions in the {what} context ({what} id:{row_id}). "
        f"The context error message was: {INVALID_PARAMETER}"
    )
    return refused(errorcode, text, module="webservice")


def missing_record(table: str) -> MoodleError:
    text = f"Can't find data record in database table {table}."
    return MoodleError("dml_missing_record_exception", "invalidrecord", text, "moodle")


def invalid_user(user_id: int, *, with_deleted: bool = True) -> MoodleError:
    condition, values = "id = ?", f"  0 => {user_id},\n"
    if not with_deleted:
        condition, values = "id = ? AND deleted = ?", f"{values}  1 => 0,\n"
    query = f"SELECT * FROM {{user}} WHERE {condition}\n[array (\n{values})]"
    return MoodleError(
        "dml_missing_record_exception", "invaliduser", "Invalid user", "moodle", query
    )


def missing_capability(name: str) -> MoodleError:
    exception = "core\\exception\\required_capability_exception"
    text = f"Sorry, but you do not currently have permissions to do that ({name})."
    return MoodleError(exception, "nopermissions", text, "moodle")


def database_unreadable(reason: str) -> MoodleError:
    text = "Error reading from database"
    return MoodleError("dml_read_exception", "dmlreadexception", text, "moodle", reason)


def database_refused(reason: str) -> MoodleError:
    text = "Error writing to database"
    return MoodleError("dml_write_exception", "dmlwriteexception", text, "moodle", reason)


def database_unreachable() -> MoodleError:
    text = (
        "<p>Error: Database connection failed</p>\n"
        "<p>It is possible that the database is overloaded or otherwise not running properly.</p>\n"
        "<p>The site administrator should also check that the database details have been"
        " correctly specified in config.php</p>"
    )
    return MoodleError("dml_connection_exception", "dbconnectionfailed", text)


def programmer_error(reason: str) -> MoodleError:
    text = f"Coding error detected, it must be fixed by a programmer: {reason}"
    return MoodleError("core\\exception\\coding_exception", "codingerror", text, "debug")


def access_denied(debuginfo: str) -> MoodleError:
    exception, text = "webservice_access_exception", "Access control exception"
    return MoodleError(exception, "accessexception", text, "webservice", debuginfo)


def function_not_allowed(function: str) -> MoodleError:
    return access_denied(_NOT_ALLOWED.format(function=function))


def unknown_token() -> MoodleError:
    return refused("invalidtoken", "Invalid token - token not found", module="webservice")
