"""The city looks at accounts that others made, answers, and says yes to the list."""

from __future__ import annotations

from service.models import Adoption, AdoptionRun, AdoptionState
from service.portal.adopt_rows import Shown
from tests.service.console_factories import Browser, ConsoleUnderTest, shows
from tests.service.factories import NOW

ADDRESS = "/console/adopting"
ACCOUNT = '{"moodle_id": 11, "username": "old11", "firstname": "Алёна", "lastname": "Образцова"}'


def _listed(console: ConsoleUnderTest, outcome: Shown) -> None:
    """A look that found one account."""
    with console.rows() as rows:
        run = AdoptionRun(state=AdoptionState.PLANNED, began_at=NOW, actor="city")
        rows.add(run)
        rows.flush()
        rows.add(
            Adoption(
                moodle_id=11, run_id=run.id, outcome=outcome, account=ACCOUNT, name_hash="n",
                snils_hash="", idnumber_hash="", login_hash="l", why="names.exact",
                person_id="p-1" if outcome is Shown.CERTAIN else "",
            )
        )  # fmt: skip


def test_the_city_sees_the_list_and_one_account(console: ConsoleUnderTest, city: Browser) -> None:
    shows(city.get(ADDRESS), "Учётные записи Moodle ещё не просматривали.")
    _listed(console, Shown.QUESTION)
    shows(city.get(f"{ADDRESS}?outcome=question"), "Образцова Алёна", "Список готов")
    assert "Образцова" not in city.get(f"{ADDRESS}?outcome=certain").text
    shows(city.get(f"{ADDRESS}/11"), "old11", "имя без отчества")


def test_an_answer_needs_the_tick_and_is_kept(console: ConsoleUnderTest, city: Browser) -> None:
    _listed(console, Shown.QUESTION)
    assert city.post(f"{ADDRESS}/11", choice="different").status_code == 409
    assert city.post(f"{ADDRESS}/11", choice="different", looked="1").status_code == 302
    with console.rows() as rows:
        row = rows.get_one(Adoption, 11)
        assert (row.outcome, row.decided_by) == (Shown.NOBODY, "city")


def test_a_yes_to_another_list_is_refused(console: ConsoleUnderTest, city: Browser) -> None:
    _listed(console, Shown.CERTAIN)
    answer = city.post(f"{ADDRESS}/yes", digest="another")
    assert answer.status_code == 409
    assert "Список уже не тот" in answer.text


def test_only_the_city_gets_there(console: ConsoleUnderTest) -> None:
    assert console.client("school").get(ADDRESS).status_code == 404
