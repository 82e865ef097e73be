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
    """One failed call, as the caller sees it."""

    def __init__(
        self,
        exception: str,
        errorcode: str,
        message: str,
        *,
        debuginfo: str | None = None,
        module: str = "error",
    ) -> None:
        super().__init__(message)
        self.exception = exception
        self.errorcode = errorcode
        self.message = message
        self.debuginfo = debuginfo
        """Shown only while the site runs with developer debugging."""
        self.module = module
        """The part of Moodle's documentation address between "error" and the code."""


def invalid_parameter(debuginfo: str | None = None) -> MoodleError:
    return MoodleError(
        "core\\exception\\invalid_parameter_exception",
        "invalidparameter",
        INVALID_PARAMETER,
        debuginfo=debuginfo,
        module="debug",
    )


def invalid_response(debuginfo: str) -> MoodleError:
    return MoodleError(
        "core\\exception\\invalid_response_exception",
        "invalidresponse",
        INVALID_RESPONSE,
        debuginfo=debuginfo,
        module="debug",
    )


def refused(errorcode: str, message: str | None = None, *, module: str = "moodle") -> MoodleError:
    """A plain refusal; a code without a known text shows as `error/<code>`."""
    text = message if message is not None else f"error/{errorcode}"
    return MoodleError("core\\exception\\moodle_exception", errorcode, text, module=module)


def missing_record(table: str, debuginfo: str | None = None) -> MoodleError:
    return MoodleError(
        "dml_missing_record_exception",
        "invalidrecord",
        f"Can't find data record in database table {table}.",
        debuginfo=debuginfo,
        module="moodle",
    )


def invalid_user(user_id: int, *, with_deleted: bool = True) -> MoodleError:
    condition, values = "id = ?", f"  0 => {user_id},\n"
    if not with_deleted:
        condition, values = "id = ? AND deleted = ?", f"{values}  1 => 0,\n"
    return MoodleError(
        "dml_missing_record_exception",
        "invaliduser",
        "Invalid user",
        debuginfo=f"SELECT * FROM {{user}} WHERE {condition}\n[array (\n{values})]",
        module="moodle",
    )


def missing_capability(name: str) -> MoodleError:
    return MoodleError(
        "core\\exception\\required_capability_exception",
        "nopermissions",
        f"Sorry, but you do not currently have permissions to do that ({name}).",
        module="moodle",
    )


def database_unreadable(reason: str) -> MoodleError:
    return MoodleError(
        "dml_read_exception",
        "dmlreadexception",
        "Error reading from database",
        debuginfo=reason,
        module="moodle",
    )


def database_refused(reason: str) -> MoodleError:
    return MoodleError(
        "dml_write_exception",
        "dmlwriteexception",
        "Error writing to database",
        debuginfo=reason,
        module="moodle",
    )


def database_unreachable() -> MoodleError:
    return MoodleError(
        "dml_connection_exception",
        "dbconnectionfailed",
        "<p>Error: Database connection failed</p>\n"
        "<p>It is possible that the database is overloaded or otherwise not running properly.</p>\n"
        "<p>The site administrator should also check that the database details have been"
        " correctly specified in config.php</p>",
        module="error",
    )


def programmer_error(text: str) -> MoodleError:
    return MoodleError(
        "core\\exception\\coding_exception",
        "codingerror",
        f"Coding error detected, it must be fixed by a programmer: {text}",
        module="debug",
    )


def access_denied(debuginfo: str) -> MoodleError:
    return MoodleError(
        "webservice_access_exception",
        "accessexception",
        "Access control exception",
        debuginfo=debuginfo,
        module="webservice",
    )


def function_not_allowed(function: str) -> MoodleError:
    return access_denied(_NOT_ALLOWED.format(function=function))


def unknown_token() -> MoodleError:
    return MoodleError(
        "core\\exception\\moodle_exception",
        "invalidtoken",
        "Invalid token - token not found",
        module="webservice",
    )
