"""The world the demo plays in: places, words and people of our own making. Nothing here names a real company."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Country:
    """How customers of one country look: where they sit, what they speak and pay, how they call themselves."""

    code: str
    weight: int
    currency: str
    language: str
    zones: tuple[str, ...]
    cities: tuple[tuple[str, str, str], ...]  # city, postal code, region
    streets: tuple[str, ...]
    forms: tuple[str, ...]
    people: str
    phone: str
    entity: str
    tax: str
    vat: str = ""  # pattern: # is a digit


COUNTRIES = (
    Country(
        "US", 95, "USD", "en", ("America/Chicago", "America/New_York", "America/Denver"),
        (("Midland", "79701", "TX"), ("Abilene", "79601", "TX"), ("Cheyenne", "82001", "WY"), ("Dayton", "45402", "OH"),
         ("Bismarck", "58501", "ND"), ("Macon", "31201", "GA"), ("Boise", "83702", "ID"), ("Albany", "12207", "NY")),
        ("Substation Road", "Cottonwood Drive", "Rail Spur Lane", "Prairie View Road", "Commerce Street"),
        ("LLC", "Inc.", "Partners LP", "Holdings LLC"), "en", "+1 555 01", "us", "US-NONE",
    ),
    Country(
        "DE", 62, "EUR", "de", ("Europe/Berlin",),
        (("Emden", "26721", ""), ("Schwerin", "19053", ""), ("Passau", "94032", ""), ("Kassel", "34117", ""),
         ("Cottbus", "03046", ""), ("Husum", "25813", ""), ("Ulm", "89073", "")),
        ("Am Umspannwerk", "Deichstraße", "Mühlenweg", "Lindenallee", "Gewerbering", "Hafenstraße"),
        ("GmbH", "AG", "GmbH & Co. KG", "eG", "UG (haftungsbeschränkt)"),
        "de", "+49 30 5550", "de", "DE-19", "DE#########",
    ),
    Country(
        "AT", 16, "EUR", "de", ("Europe/Vienna",),
        (("Linz", "4020", ""), ("Villach", "9500", ""), ("Krems", "3500", "")),
        ("Kraftwerkstraße", "Kirchengasse", "Am Mühlbach"),
        ("GmbH", "AG", "eGen"), "de", "+43 1 5550", "de", "DE-RC", "ATU########",
    ),
    Country(
        "CH", 14, "CHF", "de", ("Europe/Zurich",),
        (("Chur", "7000", "GR"), ("Zug", "6300", "ZG"), ("Visp", "3930", "VS")),
        ("Staldenweg", "Industriestrasse", "Seestrasse"),
        ("AG", "GmbH", "Genossenschaft"), "de", "+41 44 555 0", "de", "DE-OUTSIDE", "CHE-###.###.### MWST",
    ),
    Country(
        "NL", 18, "EUR", "en", ("Europe/Amsterdam",),
        (("Emmen", "7811 AB", ""), ("Delfzijl", "9934 CD", ""), ("Goes", "4461 EF", "")),
        ("Molenweg", "Havenkade", "Stationslaan"),
        ("B.V.", "N.V.", "Coöperatie U.A."), "nl", "+31 20 555 0", "de", "DE-RC", "NL#########B##",
    ),
    Country(
        "FI", 14, "EUR", "en", ("Europe/Helsinki",),
        (("Kajaani", "87100", ""), ("Kemi", "94100", ""), ("Vaasa", "65100", "")),
        ("Voimatie", "Satamakatu", "Koskikatu"),
        ("Oy", "Oyj", "Osuuskunta"), "nordic", "+358 9 555 0", "de", "DE-RC", "FI########",
    ),
    Country(
        "SE", 14, "SEK", "en", ("Europe/Stockholm",),
        (("Luleå", "972 31", ""), ("Boden", "961 32", ""), ("Falun", "791 30", "")),
        ("Kraftgatan", "Norra Hamngatan", "Älvvägen"),
        ("AB", "Ekonomisk förening", "Holding AB"), "nordic", "+46 8 555 0", "de", "DE-RC", "SE############",
    ),
    Country(
        "NO", 14, "NOK", "en", ("Europe/Oslo",),
        (("Mo i Rana", "8622", ""), ("Notodden", "3674", ""), ("Ålesund", "6002", "")),
        ("Fossveien", "Kraftveien", "Sjøgata"),
        ("AS", "ASA", "SA"), "nordic", "+47 22 55 0", "de", "DE-OUTSIDE", "NO#########MVA",
    ),
    Country(
        "GB", 18, "GBP", "en", ("Europe/London",),
        (("Hull", "HU1 2AB", ""), ("Inverness", "IV1 1CD", ""), ("Grimsby", "DN31 3EF", "")),
        ("Turbine Way", "Dock Road", "Mill Lane"),
        ("Ltd", "LLP", "plc"), "en", "+44 20 7946 0", "de", "DE-OUTSIDE", "GB#########",
    ),
    Country(
        "CA", 18, "CAD", "en", ("America/Toronto", "America/Edmonton"),
        (("Sept-Îles", "G4R 1A1", "QC"), ("Medicine Hat", "T1A 1B2", "AB"), ("Timmins", "P4N 1C3", "ON")),
        ("Hydro Avenue", "Spruce Street", "Dam Road"),
        ("Inc.", "Ltd.", "Co-operative"), "en", "+1 555 02", "us", "US-NONE",
    ),
    Country(
        "AE", 10, "USD", "en", ("Asia/Dubai",),
        (("Abu Dhabi", "", ""), ("Ras Al Khaimah", "", "")),
        ("Free Zone Gate 4", "Corniche Tower, Level 12"),
        ("FZCO", "LLC"), "gulf", "+971 4 555 0", "us", "US-NONE",
    ),
    Country(
        "SG", 7, "USD", "en", ("Asia/Singapore",),
        (("Singapore", "068900", ""),),
        ("Harbour Link 8, #11-02", "Orchid Terrace 21"),
        ("Pte. Ltd.",), "gulf", "+65 6555 0", "us", "US-NONE",
    ),
)  # fmt: skip

ROOTS = (
    "Voltmoor", "Kilnbrook", "Norrgrund", "Steinwatt", "Aschenau", "Brackfen", "Cinderhall", "Duskwater", "Eisbruch",
    "Grauhafen", "Hollowpeak", "Isarquell", "Jettfjord", "Kaltental", "Lumenfeld", "Marschau", "Nebelhorst",
    "Oststrom", "Pinecrag", "Rauhwind", "Saltmarsh", "Tiefensee", "Ulmenhof", "Vesterås", "Weirstead",
    "Yarrowdale", "Zirbenau", "Ambergrid", "Birkenlund", "Coldspring", "Dornbach", "Elkhollow", "Glimmerå",
    "Heidekamp", "Ironmead", "Juniper Flat", "Kestrel", "Larkfield", "Mistral Ridge", "Northlode", "Polderwijk",
    "Redclay", "Silverfen", "Thornmere", "Umbral", "Varnholm", "Wolfsried", "Zephyr Plain",
    "Quarrystone", "Farrowgate", "Flintridge", "Orrefall",
)  # fmt: skip

# What customers are: kind shown as sector, words in their names, and how much they run (kW, typical).
KINDS = (
    ("mining fund", ("Hashrate Fund", "Digital Yield", "Block Capital"), 900),
    ("family office", ("Family Office", "Privatvermögen", "Stewardship"), 320),
    ("farm", ("Farms", "Agrar", "Dairy & Power"), 140),
    ("co-operative", ("Energy Co-op", "Bürgerenergie", "Village Power"), 260),
    ("data centre", ("Compute", "Rechenwerk", "Data Halls"), 640),
    ("utility", ("Hydro", "Netz & Strom", "Grid Services"), 1200),
    ("treasury", ("Treasury", "Reserve", "Beteiligungen"), 450),
)

PEOPLE = {
    "en": (("Nora", "Caleb", "Imogen", "Theo", "Maya", "Grant", "Lydia", "Owen"),
           ("Hartwell", "Ashdown", "Merriman", "Calloway", "Winslow", "Okafor", "Lindgren", "Bexley")),
    "de": (("Annika", "Jonas", "Friederike", "Matthis", "Leonie", "Korbinian", "Silke", "Emil"),
           ("Brandmüller", "Oehlmann", "Tiefenbacher", "Rautenberg", "Schäffler", "Wiesinger", "Krögerson", "Althoff")),
    "nl": (("Sanne", "Joris", "Femke", "Bram", "Lotte", "Sjoerd"),
           ("van der Zanden", "Hoekstra", "Brouwer", "ten Cate", "Dijkhuis", "Postma")),
    "nordic": (("Ingrid", "Aatos", "Sigrun", "Elias", "Runa", "Oskari", "Malin", "Håkon"),
               ("Sørbråten", "Koskela", "Lindqvist", "Haugland", "Niemelä", "Åkerblad", "Fjellstad", "Östman")),
    "gulf": (("Layla", "Rashid", "Mei Lin", "Farid", "Amira", "Wei Jie"),
             ("Al Noor", "Haddad", "Tan", "Rahman", "Al Marzan", "Lim")),
}  # fmt: skip

# Share of the contracted power that runs in a month: summer peaks are avoided in Texas, cold snaps in the North.
SEASONS = {
    "us": {6: 93, 7: 86, 8: 82, 9: 90},
    "de": {11: 95, 12: 91, 1: 88, 2: 91},
}

# Rough rates against the US dollar: only proportions matter for a demo.
RATES = {"USD": "1", "EUR": "0.92", "GBP": "0.79", "CHF": "0.88", "NOK": "10.60", "SEK": "10.40", "CAD": "1.36"}
