"""People whose own record does not say whether they learn or teach."""

from __future__ import annotations

import pytest

from tests.provisioning.foreign_files import Said, changed, doubts, layout_of, read_with, said
from tests.provisioning.test_formats_foreign import without

EDEX_PERSONS = """
[[records]]
kind = "person"
path = "personen/persoon"

[records.fields]
id = "@key"
family_name = { join = ["voorvoegsel", "achternaam"] }
given_name = ["roepnaam", "voornamen"]
birth_date = "geboortedatum"

[[records]]
kind = "membership"
path = "groepen/groep/leden/lid"

[dictionaries.role]
"l" = "student"
"d" = "teacher"

[records.fields]
person_id = "@persoon"
class_id = "../../@key"
role = { path = "@rol", dictionary = "role" }
"""
PERSONS_FILE = """<EDEX>
  <school><schooljaar>2026</schooljaar><brincode>99XX</brincode><dependancecode>00</dependancecode>
  <aanmaakdatum>2026-10-01</aanmaakdatum></school>
  <personen>
    <persoon key="P1"><achternaam>Jansen</achternaam><voorvoegsel>van</voorvoegsel>
      <roepnaam>Peter</roepnaam><geboortedatum>2015-04-12</geboortedatum></persoon>
    <persoon key="P2"><achternaam>Bakker</achternaam><voornamen>Ans</voornamen>
      <geboortedatum>1980-05-05</geboortedatum></persoon>
  </personen>
  <groepen><groep key="G1"><naam>Groep 3A</naam><jaargroep>3</jaargroep>
    <leden><lid persoon="P1" rol="L"/><lid persoon="P2" rol="D"/></leden></groep></groepen>
</EDEX>"""
BY_ROLE = Said(
    people={
        ("P1", "student", "van Jansen Peter", "2015-04-12"),
        ("P2", "teacher", "Bakker Ans", "1980-05-05"),
    },
    classes={("G1", "Groep 3A", 3, "homeroom")},
    places={("P1", "G1", "student"), ("P2", "G1", "teacher")},
)


def of_persons(*changes: tuple[str, str]) -> str:
    """The layout of EDEX, with pupils and teachers in one list that has no roles."""
    text = layout_of("edex")
    start = text.index('[[records]]\nkind = "student"')
    led = ('title = "naam"', 'title = "naam"\nteacher_id = "@m"')
    return changed(text[:start] + EDEX_PERSONS, [led, *changes])


@pytest.mark.parametrize(
    ("file", "expected", "rules"),
    [
        pytest.param([], BY_ROLE, [], id="as it is"),
        pytest.param([('<lid persoon="P2" rol="D"/>', "")], without(BY_ROLE, "P2"),
                     ["role.none"], id="no membership"),
        pytest.param(
            [("</leden></groep>", '</leden></groep><groep key="G2"><naam>4</naam><jaargroep>4'
              '</jaargroep><leden><lid persoon="P2" rol="L"/></leden></groep>')],
            Said(people=without(BY_ROLE, "P2").people,
                 classes=BY_ROLE.classes | {("G2", "4", 4, "homeroom")},
                 places=without(BY_ROLE, "P2").places),
            ["role.several"], id="learns here and teaches there",
        ),
        pytest.param([('rol="D"', 'rol="X"')], without(BY_ROLE, "P2"),
                     ["membership.role", "role.none"], id="an unknown role"),
        pytest.param([('persoon="P2"', 'persoon="P9"')],
                     Said(without(BY_ROLE, "P2").people, BY_ROLE.classes,
                          {("P1", "G1", "student"), ("P9", "G1", "teacher")}),
                     ["role.none"], id="a membership of nobody"),
        pytest.param([('<lid persoon="P2" rol="D"/>', ""), ('key="G1">', 'key="G1" m="P2">')],
                     Said(BY_ROLE.people, BY_ROLE.classes, {("P1", "G1", "student")}), [],
                     id="who leads a class"),
        pytest.param([("<schooljaar>2026<", "<schooljaar>2026-2027<")], BY_ROLE, [],
                     id="a school year of two years"),
    ],
)  # fmt: skip
def test_a_role_may_stand_in_the_membership_alone(
    file: list[tuple[str, str]], expected: Said, rules: list[str]
) -> None:
    result = read_with(of_persons(), school=changed(PERSONS_FILE, file))
    assert (said(result.roster), doubts(result)) == (expected, rules)
    # Whose role is in doubt is no leaver.
    assert result.roster.set_aside == {"P1", "P2"} - {one[0] for one in expected.people}
