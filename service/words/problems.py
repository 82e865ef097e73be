"""Why something cannot be done as asked: the sentence of each ``Problem``."""

from __future__ import annotations

from service.i18n import N_
from service.i18n import gettext as _
from service.problems import Problem
from service.words.loads import load_status

_SENTENCES = {
    # What is not there, or not for the operator to see.
    "load": N_("there is no such load"),
    "school": N_("there is no such school"),
    "person": N_("nobody has this login"),
    "phase": N_("there is no such phase or exemption"),
    "report": N_("there is no such report"),
    **dict.fromkeys(("page", "registration", "request", "link"), N_("There is no such page")),
    "adoption": N_("there is no such account"),
    # Accounts of others
    "adoption.nobody": N_(
        "no school waits with people who have no account: load the schools' files first"
    ),
    "adoption.plans_differ": N_(
        "several plans of school {school} wait that would make accounts for different people, or "
        "one for a person entered by hand: load the files of the school together, and say no to "
        "the other plans; enter people by hand after the taking over"
    ),
    "adoption.no_list": N_("there is no list yet: look at the accounts first"),
    "adoption.unfinished": N_(
        "an earlier list, which somebody agreed to, is not carried out yet: go on with that one"
    ),
    "adoption.other_list": N_("the list is not the one you looked at; look again"),
    "adoption.questions": N_(
        "{n} accounts are a question yet: people who are asked about would get a second account"
    ),
    "adoption.settled": N_("nothing is asked about account {number}"),
    "adoption.candidate": N_("name the candidate who is meant"),
    "adoption.has_one": N_("this person has another account"),
    # Loads
    "load.not_planned": N_("this load cannot be approved: it is {status}"),
    "load.not_approved": N_("this load is not approved: it is {status}"),
    "load.already_applied": N_("this load cannot be rejected: it is {status}"),
    "load.digest_differs": N_("the plan is not the one you looked at; look again"),
    "load.not_all_yours": N_(
        "this load is also about schools of others; whoever sees all of them may stop it"
    ),
    "load.not_copied": N_(
        "{name} cannot be copied to the data folder: something in it cannot be read, "
        "or there is no room"
    ),
    "load.nothing_to_approve": N_("no school of this load waits for approval"),
    "load.already_decided": N_(
        "{who} has decided already; of what was chosen now, nothing waits for approval"
    ),
    "load.being_rehearsed": N_("a trial is not over yet; wait for it"),
    "load.no_queue": N_("workers cannot be reached now; try again in a minute"),
    "load.nothing_failed": N_("nothing of this load has failed"),
    "load.overtaken": N_("a later load of the school has planned again what failed here"),
    "load.files_gone": N_("the files of this load are not kept any more: load them again"),
    "delete.none": N_("nobody is to be deleted"),
    "delete.unknown": N_("nobody has the login or person id {who}"),
    "delete.not_archived": N_("only archived people are deleted; these are not: {who}"),
    "delete.digest": N_("the list is not the one with this digest; look again"),
    "delete.closed": N_("writing to Moodle is paused; delete later"),
    "undo.nothing": N_("nothing of load {load} is in effect at these schools"),
    "undo.school_change": N_(
        "a merger, split or closing of a school cannot be undone this way, nor a load before it"
    ),
    "undo.repair": N_("load {load} repaired Moodle; there is nothing to bring back"),
    "undo.under_way": N_("load {load} is being applied: stop it first, or wait for its end"),
    "undo.not_kept": N_(
        "load {load} cannot be undone: what was before it was not kept, as an earlier version "
        "applied it or too many loads came since. Load the right file of the school instead"
    ),
    "undo.too_old": N_(
        "load {load} cannot be undone: more than 30 loads of the school came since. "
        "Load the right file of the school instead"
    ),
    "schools.same": N_("{school} is one school: name two"),
    "schools.closed": N_("school {school} has ended already"),
    "schools.no_class": N_("the school has no class {name} this year"),
    "years.no_such_district": N_("no school is in a district “{district}”"),
    "years.nobody_waits": N_("no school waits for the new school year"),
    "years.no_day": N_("write the day as a date"),
    "years.not_of_the_year": N_("this day is too far from the beginning of the year {year}"),
    "schools.no_people": N_(
        "nobody of the school {school} was loaded yet: close it in the registry"
    ),
    "schools.has_people": N_(
        "people were loaded under the code {school}: merge the schools (registry school-merge)"
    ),
    "load.over_limits": N_("over the limits: {schools}"),
    "load.city_day": N_(
        "all schools together lose too much in a day; these plans wait for a yes of the city: "
        "{schools}"
    ),
    "pause.reason": N_("say why: everybody who waits will read it"),
    "pause.over": N_("this moment has passed already"),
    "pause.no_moment": N_("this is no day with a time; leave it empty or write both"),
    "pause.none": N_("writing to Moodle is not paused"),
    "look.under_way": N_("look {look} into Moodle is under way; wait for its end"),
    # Questions
    "asked": N_("there is no such question"),
    "asked.not_open": N_("this question does not wait for an answer any more"),
    "asked.not_answered": N_("there is no answer to take back"),
    "asked.cleared": N_(
        "the answer is too old to be taken back: what it changed is not kept any more"
    ),
    "asked.answer": N_("this question can be answered with: {known}"),
    "asked.candidate": N_("say which candidate is meant: a number from 1 to {n}"),
    "asked.not_yours": N_(
        "the candidate is of another school: whoever sees both, the district or the city, says yes"
    ),
    "asked.has_account": N_("the person has another account by now, which stays"),
    "asked.login_of_another": N_("the login of that account is promised to somebody else of ours"),
    "asked.not_chosen": N_("choose an answer and tick that you have looked at both sides"),
    "asked.differs": N_("the question has changed since you looked; look again"),
    "asked.reason": N_("the reason has at most {n} characters"),
    "separate.row": N_("no such row leads to this person: write SCHOOL/ID as an export names it"),
    "separate.only_row": N_("only one row leads to this person: there is nothing to split"),
    "separate.answered": N_(
        "somebody said that this row is this person: take that answer back (answer {id} --undo)"
    ),
    "by_hand.name": N_("write family name and given name, of at most 100 characters each"),
    "by_hand.birth_date": N_("the birth date does not fit the role: look at the year"),
    "by_hand.until": N_("the last day must be today or later, and at the latest {last}"),
    "by_hand.no_day": N_("name the last day"),
    "by_hand.class": N_("the school has no such class; there are: {known}"),
    "by_hand.under_way": N_("a load of this school is being applied: wait for its end"),
    "by_hand.known": N_(
        "somebody of this or nearly this name and birth date is known: say whether it is the same "
        "human, by the login, or another one"
    ),
    "by_hand.not_known": N_(
        "nobody of your schools of exactly this name and birth date has this login; ask the city "
        "about people of other schools"
    ),
    "by_hand.listed": N_("a school lists this person already"),
    # Exclusions, and what hands in Moodle changed
    "exclusion": N_("there is no such exclusion"),
    "exclusion.no_pattern": N_("say what is excluded, in at most {n} characters"),
    "exclusion.everything": N_("this would exclude the whole city: name a school or a part"),
    "exclusion.no_reason": N_("an exclusion needs a reason of at most {n} characters"),
    "exclusion.no_role": N_("there is no such role; there are: {known}"),
    "exclusion.no_class": N_("the school has no class {name} this year"),
    "exclusion.no_school": N_("name the school: only the city excludes everywhere"),
    "exclusion.of_other_school": N_(
        "another school speaks for this person: it, or the city, excludes them"
    ),
    "drift": N_("there is no such difference"),
    "drift.none_chosen": N_("choose at least one difference"),
    "drift.no_answer": N_("choose an answer: repair, keep or exclude"),
    "drift.overtaken": N_("nothing is to be repaired: what we hold has changed since the look"),
    "drift.list_changed": N_("the list has changed since it was shown: look at it once more"),
    "drift.no_repair": N_("no plan can repair this: an administrator of Moodle has to"),
    "drift.no_exclusion": N_("this cannot be excluded: it is neither of a person nor of a class"),
    "field": N_("there is no such field that was changed by hand"),
    "keep.no_field": N_("this cannot stay as it is in Moodle: repair it, or exclude it"),
    "keep.login_taken": N_("another person has this login already: it cannot stay"),
    # Registry
    "import.decided": N_("this file was decided about already"),
    "import.has_problems": N_("the file has mistakes, or changes nothing"),
    "import.differs": N_("the registry has changed since you looked; look again"),
    "platform.no_name": N_("give the platform a name of up to 50 characters"),
    "platform.two_rows": N_("another row of the same week is school {code} already"),
    "school.no_successor": N_("there is no other school with the code {code}"),
    "district.unknown": N_("there is no district “{name}”"),
    "district.exists": N_("there is a district “{name}” already; move the schools one by one"),
    "district.no_name": N_("give the district a name of up to 100 characters"),
    "mapping.unusable": N_("this mapping cannot be used: {what}"),
    "file.too_large": N_(
        "The file is larger than {limit} MB. Remove pictures and sheets that are not needed."
    ),
    "file.too_many_rows": N_("The table has more than {limit} rows. Split the file."),
    "file.other_kind": N_(
        "This is neither XLSX nor CSV. Open the file and save it as “Excel workbook (.xlsx)”."
    ),
    "file.spoilt": N_("The file is damaged. Open it, save it anew as .xlsx and try again."),
    "file.empty": N_("There is nothing in the table."),
    "header.none": N_(
        "No row of column titles is found in the first 20 rows; needed: {columns}. "
        "Compare with the template."
    ),
    "header.twice": N_("Two columns mean the same: “{column}”. Leave one."),
    # Sign-in
    "link.another_human": N_(
        "This is somebody else: name and birth date differ. If your record is wrong, correct "
        "it in Paragraf first."
    ),
    "link.taken": N_(
        "This person is linked to another ЕСИА account. To replace it, tick the box and say why."
    ),
    "link.no_reason": N_("Write the reason: it stays in the history."),
    "link.nobody": N_("Nobody of your schools has this login."),
    "phase.no_upstream": N_(
        "nobody could sign in: no way to ЕСИА is configured; add it to the settings first"
    ),
    "phase.past": N_("the day is over; name today or a later one"),
    "phase.taken": N_("there is a phase for the same people from that day on; move or remove it"),
    "phase.no_district": N_("no school of this district is known"),
    "phase.no_school": N_("there is no school with this code among yours"),
    "phase.no_class": N_("the school has no such class, or several of this title"),
    "phase.no_sense": N_("name a district or a school, and a class with its school alone"),
    "phase.no_reason": N_("an exemption needs a reason of at most {n} characters"),
    "phase.too_wide": N_("for everybody: name a person, a class or a role"),
    "password.kept_in_moodle": N_(
        "Moodle holds the passwords ([passwords] kept_in). Set a new one there, and tick “Force "
        "password change”: {address}"
    ),
    "events.empty": N_("the file is empty"),
    "events.encoding": N_("the file is neither UTF-8 nor Windows-1251"),
    "events.columns": N_(
        "the first line must name the columns; missing: {missing}. There are: {names}"
    ),
    # Reports
    "period.one_date": N_("A period needs both dates: the first day and the last day."),
    "period.reversed": N_("The period ends before it begins: {period}."),
    "period.no_date": N_("“{text}” is not a date; write 2026-09-01 or 01.09.2026."),
    "period.year": N_("“{text}”: the year must be from 2000 to 2099."),
    "period.no_day": N_("The calendar has no day “{text}”."),
    "question.choice": N_("{label}: choose one of {known}."),
    "question.number": N_("{label}: a number from {minimum} to {maximum} is needed."),
    "question.flag": N_("{label}: 1 or 0 is needed."),
    "question.level": N_("This report has no such rows; there are: {known}."),
    "question.compare": N_("This cannot be compared with; there are: {known}."),
    "question.one_moment": N_("This report is of one moment and has no period before."),
    "question.quarter": N_("Indicators are of one quarter, such as {quarter}."),
    "question.week": N_(
        "The weekly report is of one week from Saturday to Friday, such as {week}."
    ),
    "question.column": N_("There is no column {column}."),
    "publish.no_reason": N_("This is published already; a correction needs a reason."),
    "publish.same_moment": N_("Somebody published this in the same moment."),
    "mail.no_address": N_("This is not an e-mail address."),
    "mail.address_needed": N_("To get mail, give an address."),
    "pdf.no_library": N_(
        "PDF needs the library Pango. Debian and Ubuntu: apt-get install {packages}"
    ),
    "pdf.broken": N_("The PDF file could not be made; take another form, or fewer rows"),
    # Operators
    "operator.exists": N_("an operator with this name exists"),
    "operator.unknown": N_("there is no operator with this name"),
    "operator.name": N_(
        "the name of an operator has 1 to {n} printable characters, no colon, and no blank at "
        "its ends"
    ),
    "operator.password": N_("the password must have at least {n} characters"),
    "operator.scope": N_("--of goes with the roles school and district, and only there"),
    "operator.no_schools": N_(
        "the registry has no schools yet: import it (schoolbridge registry import) or load "
        "the school first"
    ),
    "operator.no_district": N_("the registry has no district “{item}”; it has: {offered}"),
    "operator.no_school": N_(
        "the registry has no school with the code “{item}”; it has: {offered}"
    ),
}


def sentence(problem: Problem) -> str:
    """What the operator reads, in the current language."""
    values = dict(problem.values)
    if "status" in values:
        values["status"] = load_status(str(values["status"]))
    return _(_SENTENCES[problem.code], **values)
