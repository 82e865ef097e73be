"""Who waits for an answer is counted beside the roll: from the file to the report."""

from __future__ import annotations

import pytest

from service.access import Scope
from service.reports import REPORTS
from service.reports.people import leads_to_people
from service.reports.report import Report
from tests.service.installation import SCOPE
from tests.service.questions.asked import answer, open_questions, school_scope
from tests.service.report_questions import built, figures
from tests.service.trial import A, B, Trial, on_both_databases, pupil, pupils

pytestmark = pytest.mark.usefixtures("english")


def report(trial: Trial, by: str = "school", scope: Scope = SCOPE) -> Report:
    with trial.application.sessions() as session:
        return built(session, "coverage", by=by, scope=scope, now=trial.application.clock())


@on_both_databases
def test_rows_that_wait_for_an_answer_stand_beside_the_roll(trial: Trial) -> None:
    mover = pupil("a-7", who="mover", snils="")
    trial.sync(trial.write(A, [*pupils("a", 4), mover]))
    trial.sync(trial.write(A, pupils("a", 4), day=1))
    trial.sync(trial.write(B, [*pupils("b", 4), pupil("b-7", "c-2", who="mover", snils="")], day=2))
    (question,) = open_questions(trial)
    found = report(trial)
    assert figures(found, f"{B}|all", "roll in_doubt account") == (4, 1, 4)
    assert figures(found, f"{A}|all", "roll in_doubt") == (4, 0)
    assert figures(found, f"{B}|student", "roll in_doubt") == (4, None)
    assert figures(found, "all", "roll in_doubt") == (8, 1)
    column = next(one for one in found.columns if one.key == "in_doubt")
    assert column.people
    assert not leads_to_people(REPORTS["coverage"], column, f"{B}|all", 1)
    assert figures(report(trial, "city"), "city|all", "in_doubt") == (1,)
    assert figures(report(trial, "district"), "Кировский|all", "in_doubt") == (1,)
    assert "in_doubt" not in {one.key for one in report(trial, "class").columns}
    assert figures(report(trial, scope=school_scope(A)), "all", "in_doubt") == (0,)
    answer(trial, question.id, "refuse")
    assert figures(report(trial), f"{B}|all", "in_doubt") == (0,)
