"""What day it is: holidays, international days and anniversaries, from a table and a few rules.

Days that go by the moon of another calendar, such as Eid, Diwali and the Lunar New Year, are not here, for when they
are is announced rather than computed. Give those of your readers as `own`.
"""

from datetime import date, timedelta

#: Days of every year, by group.
FIXED = {
    "international": """
        01-04 World Braille Day
        01-24 International Day of Education
        01-26 International Day of Clean Energy
        01-27 International Holocaust Remembrance Day
        01-28 Data Privacy Day
        02-02 World Wetlands Day
        02-04 World Cancer Day
        02-10 World Pulses Day
        02-11 International Day of Women and Girls in Science
        02-12 Darwin Day
        02-13 World Radio Day
        02-20 World Day of Social Justice
        02-21 International Mother Language Day
        03-01 Zero Discrimination Day
        03-03 World Wildlife Day
        03-04 World Engineering Day
        03-08 International Women's Day
        03-14 Pi Day
        03-14 International Day of Mathematics
        03-20 International Day of Happiness
        03-21 World Poetry Day
        03-21 International Day of Forests
        03-21 World Down Syndrome Day
        03-21 International Day for the Elimination of Racial Discrimination
        03-22 World Water Day
        03-23 World Meteorological Day
        03-24 World Tuberculosis Day
        03-27 World Theatre Day
        03-30 International Day of Zero Waste
        03-31 World Backup Day
        04-02 World Autism Awareness Day
        04-02 International Children's Book Day
        04-06 International Day of Sport for Development and Peace
        04-07 World Health Day
        04-12 International Day of Human Space Flight
        04-15 World Art Day
        04-18 International Day for Monuments and Sites
        04-21 World Creativity and Innovation Day
        04-22 Earth Day
        04-23 World Book and Copyright Day
        04-25 World Malaria Day
        04-25 World Penguin Day
        04-26 World Intellectual Property Day
        04-28 World Day for Safety and Health at Work
        04-29 International Dance Day
        04-30 International Jazz Day
        05-03 World Press Freedom Day
        05-04 Star Wars Day
        05-08 World Red Cross and Red Crescent Day
        05-12 International Nurses Day
        05-15 International Day of Families
        05-16 International Day of Light
        05-17 World Telecommunication and Information Society Day
        05-18 International Museum Day
        05-20 World Bee Day
        05-20 World Metrology Day
        05-21 International Tea Day
        05-21 World Day for Cultural Diversity
        05-22 International Day for Biological Diversity
        05-25 Towel Day
        05-25 Africa Day
        05-29 International Day of UN Peacekeepers
        05-31 World No Tobacco Day
        06-01 Global Day of Parents
        06-03 World Bicycle Day
        06-05 World Environment Day
        06-07 World Food Safety Day
        06-08 World Oceans Day
        06-12 World Day Against Child Labour
        06-14 World Blood Donor Day
        06-17 World Day to Combat Desertification and Drought
        06-18 Sustainable Gastronomy Day
        06-20 World Refugee Day
        06-21 International Day of Yoga
        06-21 World Music Day
        06-23 International Women in Engineering Day
        06-25 Day of the Seafarer
        06-29 International Day of the Tropics
        06-30 International Asteroid Day
        07-11 World Population Day
        07-15 World Youth Skills Day
        07-17 World Emoji Day
        07-18 Nelson Mandela International Day
        07-20 World Chess Day
        07-28 World Hepatitis Day
        07-29 International Tiger Day
        07-30 International Day of Friendship
        08-08 International Cat Day
        08-09 International Day of the World's Indigenous Peoples
        08-10 World Lion Day
        08-12 International Youth Day
        08-12 World Elephant Day
        08-13 International Left-Handers Day
        08-19 World Humanitarian Day
        08-19 World Photography Day
        08-26 International Dog Day
        08-29 International Day against Nuclear Tests
        09-05 International Day of Charity
        09-07 International Day of Clean Air for Blue Skies
        09-08 International Literacy Day
        09-15 International Day of Democracy
        09-16 International Day for the Preservation of the Ozone Layer
        09-18 International Equal Pay Day
        09-19 Talk Like a Pirate Day
        09-21 International Day of Peace
        09-22 World Car Free Day
        09-23 International Day of Sign Languages
        09-26 European Day of Languages
        09-27 World Tourism Day
        09-28 International Day for Universal Access to Information
        09-29 World Heart Day
        09-29 International Day of Awareness of Food Loss and Waste
        09-30 International Translation Day
        10-01 International Day of Older Persons
        10-01 International Coffee Day
        10-02 International Day of Non-Violence
        10-04 World Animal Day
        10-05 World Teachers' Day
        10-09 World Post Day
        10-10 World Mental Health Day
        10-11 International Day of the Girl Child
        10-13 International Day for Disaster Risk Reduction
        10-15 Global Handwashing Day
        10-16 World Food Day
        10-17 International Day for the Eradication of Poverty
        10-24 United Nations Day
        10-27 World Day for Audiovisual Heritage
        10-29 International Internet Day
        10-31 World Cities Day
        11-01 World Vegan Day
        11-05 World Tsunami Awareness Day
        11-10 World Science Day for Peace and Development
        11-13 World Kindness Day
        11-14 World Diabetes Day
        11-16 International Day for Tolerance
        11-19 World Toilet Day
        11-19 International Men's Day
        11-20 World Children's Day
        11-21 World Television Day
        11-21 World Hello Day
        11-25 International Day for the Elimination of Violence against Women
        11-30 Computer Security Day
        12-01 World AIDS Day
        12-03 International Day of Persons with Disabilities
        12-05 World Soil Day
        12-05 International Volunteer Day
        12-07 International Civil Aviation Day
        12-09 International Anti-Corruption Day
        12-10 Human Rights Day
        12-11 International Mountain Day
        12-18 International Migrants Day
        12-18 World Arabic Language Day
        12-20 International Human Solidarity Day
    """,
    "holidays": """
        01-01 New Year's Day
        01-06 Epiphany
        02-14 Valentine's Day
        02-29 Leap Day
        03-17 Saint Patrick's Day
        04-01 April Fools' Day
        05-01 International Workers' Day
        10-31 Halloween
        11-01 All Saints' Day
        11-11 Armistice Day
        11-11 Singles' Day
        12-06 Saint Nicholas Day
        12-24 Christmas Eve
        12-25 Christmas Day
        12-26 Boxing Day
        12-31 New Year's Eve
    """,
    "us": """
        02-02 Groundhog Day
        06-14 Flag Day
        06-19 Juneteenth
        07-04 Independence Day
        11-11 Veterans Day
    """,
}
#: Days in which something happened, by group.
ANNIVERSARIES = {
    "computing": """
        1815-12-10 Ada Lovelace is born
        1906-12-09 Grace Hopper is born
        1912-06-23 Alan Turing is born
        1916-04-30 Claude Shannon is born
        1947-09-09 A moth is taped into the log of the Harvard Mark II, the first actual bug
        1968-12-09 Douglas Engelbart shows the mouse, in the Mother of All Demos
        1969-04-07 RFC 1 is published
        1969-10-29 The first message on the ARPANET: "lo", for "login"
        1970-01-01 The Unix epoch begins
        1971-11-15 Intel announces the 4004, the first microprocessor on the market
        1982-09-19 Scott Fahlman proposes :-) and :-(
        1983-01-01 The ARPANET moves to TCP/IP
        1983-09-27 Richard Stallman announces GNU
        1984-01-24 Apple introduces the Macintosh
        1985-03-15 The first .com domain, symbolics.com, is registered
        1989-03-12 Tim Berners-Lee proposes what becomes the World Wide Web
        1991-02-20 Python's first release
        1991-08-06 The World Wide Web is announced to the public
        1991-08-25 Linus Torvalds announces Linux, "just a hobby"
        1992-12-03 The first text message: "Merry Christmas"
        1993-04-30 CERN puts the World Wide Web into the public domain
        1995-05-23 Sun announces Java
        1995-12-04 Netscape and Sun announce JavaScript
        1997-05-11 Deep Blue wins its match against Garry Kasparov
        2001-01-15 Wikipedia begins
        2005-04-07 Git's first commit
        2005-04-23 The first video on YouTube
        2006-03-21 The first tweet
        2007-01-09 Apple announces the iPhone
        2008-09-15 Stack Overflow opens to the public
        2009-11-10 Google announces Go
        2015-05-15 Rust 1.0
        2016-03-15 AlphaGo ends its match against Lee Sedol, four games to one
        2022-11-30 OpenAI releases ChatGPT
    """,
    "space": """
        1957-10-04 Sputnik 1, the first satellite
        1961-04-12 Yuri Gagarin, the first human in space
        1969-07-20 Apollo 11 lands on the Moon
        1977-08-20 Voyager 2 is launched
        1977-09-05 Voyager 1 is launched
        1990-02-14 Voyager 1 takes the picture of a pale blue dot
        1990-04-24 The Hubble Space Telescope is launched
        2012-08-06 Curiosity lands on Mars
        2019-04-10 The first picture of a black hole is published
        2021-12-25 The James Webb Space Telescope is launched
    """,
    "crypto": """
        2008-10-31 Satoshi Nakamoto publishes the Bitcoin white paper
        2009-01-03 Bitcoin's genesis block
        2009-01-12 The first Bitcoin transaction, from Satoshi Nakamoto to Hal Finney
        2010-05-22 Bitcoin Pizza Day: two pizzas for 10,000 BTC
        2012-11-28 The first halving of Bitcoin
        2015-07-30 Ethereum's genesis block
        2016-07-09 The second halving of Bitcoin
        2016-07-20 Ethereum's fork after The DAO
        2018-11-02 Uniswap's first version
        2020-05-11 The third halving of Bitcoin
        2020-12-01 Ethereum's Beacon Chain begins
        2021-08-05 Ethereum's London upgrade begins to burn fees, with EIP-1559
        2022-09-15 The Merge: Ethereum moves to proof of stake
        2023-04-12 Ethereum's Shapella upgrade lets staked ether go
        2023-08-09 Base opens to the public
        2023-10-11 Farcaster opens to everyone, without an invitation
        2024-01-26 Farcaster introduces frames
        2024-03-13 Ethereum's Dencun upgrade makes rollups cheaper, with EIP-4844
        2024-04-20 The fourth halving of Bitcoin
    """,
}
#: Days that are the nth weekday of a month (Monday is 0; -1 is the last one) and so many days later.
WEEKDAYS = {
    "international": [
        (3, 3, 2, 0, "World Kidney Day"),
        (5, 3, 1, 0, "World Password Day"),
        (5, 3, 3, 0, "Global Accessibility Awareness Day"),
        (7, 4, -1, 0, "System Administrator Appreciation Day"),
        (10, 1, 2, 0, "Ada Lovelace Day"),
        (10, 3, 2, 0, "World Sight Day"),
        (11, 3, 3, 0, "World Philosophy Day"),
    ],
    "holidays": [
        (5, 6, 2, 0, "Mother's Day, in many countries"),
        (6, 6, 3, 0, "Father's Day, in many countries"),
        (11, 3, 4, 1, "Black Friday"),
        (11, 3, 4, 4, "Cyber Monday"),
    ],
    "us": [
        (1, 0, 3, 0, "Martin Luther King Jr. Day"),
        (2, 0, 3, 0, "Presidents' Day"),
        (5, 0, -1, 0, "Memorial Day"),
        (9, 0, 1, 0, "Labor Day"),
        (10, 0, 2, 0, "Columbus Day and Indigenous Peoples' Day"),
        (11, 3, 4, 0, "Thanksgiving"),
        (11, 3, 4, 5, "Giving Tuesday"),
    ],
}
#: Days that go by Easter Sunday, before or after it.
BY_EASTER = {
    -47: "Shrove Tuesday",
    -46: "Ash Wednesday",
    -7: "Palm Sunday",
    -2: "Good Friday",
    0: "Easter Sunday",
    1: "Easter Monday",
    39: "Ascension Day",
    49: "Pentecost",
}
#: The Sundays of Advent by how many weeks before Christmas they are.
ADVENT = ("Fourth", "Third", "Second", "First")
DEFAULT_GROUPS = ["international", "holidays", "computing", "space", "crypto"]
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def run(ctx, params):
    """Return what there is to know of today and the next days, or None on an ordinary day."""
    today = (ctx.now + timedelta(hours=params.get("utc_offset_hours", 0))).date()
    found = []
    for ahead in range(params.get("days_ahead", 1) + 1):
        day = today + timedelta(days=ahead)
        moments = own_moments(ctx, params.get("own", []), day)
        for group in params.get("groups", DEFAULT_GROUPS):
            moments += moments_of(group, day)
        found += [{"when": in_words(ahead, day), **moment} for moment in moments]
    if not found:
        return None
    return {
        "today": f"{DAYS[today.weekday()]}, {written(today)} {today.year}",
        "moments": found[: params.get("limit", 5)],
    }


def own_moments(ctx, own, day):
    """Return the operator's own days that fall on a day."""
    found = []
    for entry in own:
        try:
            year, since = year_and_day(entry["date"])
        except ValueError:
            ctx.log(f"The date {entry['date']!r} of {entry['name']!r} is none; write YYYY-MM-DD or MM-DD.")
            continue
        if since == f"{day:%m-%d}" and (year is None or year <= day.year):
            found.append(named(entry["name"], day, year))
    return found


def year_and_day(text):
    """Return the year of a date, or None for a day of every year, and its month and day."""
    is_whole = len(text) == len("YYYY-MM-DD")
    # A leap year, so that the 29th of February is a day.
    day = date.fromisoformat(text if is_whole else f"2024-{text}")
    return (day.year if is_whole else None), f"{day:%m-%d}"


def moments_of(group, day):
    """Return what a group has for a day."""
    found = [{"name": name} for name in lines_of(FIXED, group, f"{day:%m-%d}")]
    found += [{"name": name} for rule in WEEKDAYS.get(group, []) for name in by_weekday(rule, day)]
    if group == "holidays":
        found += [{"name": name} for name in by_easter(day)]
    if group == "computing" and day == date(day.year, 1, 1) + timedelta(days=255):
        found.append({"name": "Day of the Programmer, the 256th of the year"})
    past = [named(name, day, year) for year, name in anniversaries(group, day) if year <= day.year]
    # Round ones first, then the oldest.
    return found + sorted(past, key=lambda moment: (moment.get("years", 0) % 5 != 0, -moment.get("years", 0)))


def anniversaries(group, day):
    """Yield year and name of everything in a group that happened on a day."""
    for line in ANNIVERSARIES.get(group, "").split("\n"):
        year, _, rest = line.strip().partition("-")
        when, _, name = rest.partition(" ")
        if when == f"{day:%m-%d}":
            yield int(year), name


def lines_of(table, group, key):
    """Return the names that a group's table has for a key."""
    lines = (line.strip() for line in table.get(group, "").split("\n"))
    return [line[len(key) + 1 :] for line in lines if line.startswith(f"{key} ")]


def named(name, day, year):
    """Return a moment with its age in years, when it has one."""
    return {"name": name, "years": day.year - year} if year is not None and day.year > year else {"name": name}


# Days that move


def by_weekday(rule, day):
    """Yield the name of a rule whose day it is."""
    month, weekday, nth, later, name = rule
    if nth_weekday(day.year, month, weekday, nth) + timedelta(days=later) == day:
        yield name


def nth_weekday(year, month, weekday, nth):
    """Return the nth weekday of a month, or the last one for -1."""
    if nth < 0:
        end = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
        return end - timedelta(days=(end.weekday() - weekday) % 7)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def by_easter(day):
    """Yield the feasts that go by Easter, of the western and the eastern churches, and the Sundays of Advent."""
    if name := BY_EASTER.get((day - easter(day.year)).days):
        yield name
    east = orthodox_easter(day.year)
    if day == east and east != easter(day.year):
        yield "Orthodox Easter Sunday"
    if (christmas := date(day.year, 12, 25)) > day >= christmas - timedelta(days=28) and day.weekday() == 6:
        yield f"{ADVENT[((christmas - day).days - 1) // 7]} Sunday of Advent"


def easter(year):
    """Return Easter Sunday of the Gregorian calendar, by the method of Meeus, Jones and Butcher."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    m = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    n = h + m - 7 * ((a + 11 * h + 22 * m) // 451) + 114
    return date(year, n // 31, n % 31 + 1)


def orthodox_easter(year):
    """Return Easter Sunday of the Julian calendar, as a date of the Gregorian one, by the method of Meeus."""
    d = (19 * (year % 19) + 15) % 30
    e = (2 * (year % 4) + 4 * (year % 7) - d + 34) % 7
    n = d + e + 114
    # Thirteen days lie between the calendars until the year 2100.
    behind = year // 100 - year // 400 - 2
    return date(year, n // 31, n % 31 + 1) + timedelta(days=behind)


# Words


def in_words(ahead, day):
    """Return when a day is."""
    if ahead < 2:
        return ("today", "tomorrow")[ahead]
    return f"{DAYS[day.weekday()]}, {written(day)}"


def written(day):
    """Return a day as people write it."""
    return f"{day.day} {MONTHS[day.month - 1]}"
