"""What the demo company sells, and who it is on paper."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Offer:
    """One product of the price list (US dollars), with its text in German."""

    code: str
    name: str
    name_de: str
    unit: str
    price: str
    description: str

    def text(self, language: str) -> str:
        """What stands on a line."""
        return self.name_de if language == "de" else self.name

    def price_in(self, rate: Decimal) -> Decimal:
        """List price in another currency: cents for big prices, a hundredth of a cent for energy."""
        price = Decimal(self.price) * rate
        return price.quantize(Decimal("0.0001") if price < 1 else Decimal("0.01"))


OFFERS = {
    offer.code: offer
    for offer in (
        Offer("COLO-KW", "Colocation, per kW and month", "Stellplatz, je kW und Monat", "KWT", "21.50",
              "Space, cooling, network and 24/7 hands for one kilowatt of mining machines."),
        Offer("ENERGY-KWH", "Energy, metered", "Energie, gemessen", "KWH", "0.0585",
              "Energy behind the meter of the site."),
        Offer("RACK-UNIT", "Rack space, per shelf and month", "Regalplatz, je Fach und Monat", "C62", "14.00",
              "One shelf for up to four machines."),
        Offer("IMMERSION-KW", "Immersion cooling, per kW and month", "Tauchkühlung, je kW und Monat", "KWT", "6.20",
              "Surcharge for places in the immersion tanks."),
        Offer("FIRMWARE-UNIT", "Tuned firmware, per machine and month", "Firmware, je Gerät und Monat", "C62", "2.90",
              "Power targets and fast curtailment on supported machines."),
        Offer("SETUP-UNIT", "Set-up of a machine", "Inbetriebnahme eines Geräts", "C62", "35.00",
              "Unpacking, racking, cabling, burn-in."),
        Offer("REPAIR-HOUR", "Repair, per hour", "Reparatur, je Stunde", "HUR", "85.00",
              "Bench work on hash boards, fans and power supplies."),
        Offer("PART-FAN", "Fan, 120 mm", "Lüfter, 120 mm", "C62", "18.50", "Replacement fan."),
        Offer("PART-PSU", "Power supply", "Netzteil", "C62", "145.00", "Replacement power supply."),
        Offer("REMOTE-MONTH", "Remote monitoring, per month", "Fernüberwachung, je Monat", "MON", "120.00",
              "Alarms, weekly report, API access."),
        Offer("MOVE-PALLET", "Moving a pallet of machines", "Umzug einer Palette Geräte", "C62", "260.00",
              "Collection, insurance and delivery between sites."),
        Offer("AUDIT-DAY", "Site audit, per day", "Standortprüfung, je Tag", "DAY", "980.00",
              "Power, cooling and safety of a site, with a report."),
    )
}  # fmt: skip

# The seven products of the public sample pipeline, as offers of a hosting company.
SAMPLE_OFFERS = {
    "GTX Basic": ("HOST-10KW", "Hosting 10 kW, one month", "MON"),
    "GTX Pro": ("HOST-80KW", "Hosting 80 kW, one month", "MON"),
    "MG Special": ("FW-BUNDLE", "Tuned firmware, twenty machines", "C62"),
    "MG Advanced": ("SETUP-100", "Set-up of one hundred machines", "C62"),
    "GTX Plus Pro": ("HOST-90KW-IM", "Hosting 90 kW with immersion cooling, one month", "MON"),
    "GTX Plus Basic": ("HOST-20KW", "Hosting 20 kW, one month", "MON"),
    "GTK 500": ("HALL-500KW", "Own hall of 500 kW, one month", "MON"),
}

ENTITIES = {
    "de": {
        "name": "Nordkessel Hosting GmbH",
        "registration_number": "HRB 000001, Amtsgericht Musterstadt",
        "tax_id": "20/000/00001",
        "vat_id": "DE100000008",
        "street": "Am Umspannwerk 4",
        "postal_code": "25813",
        "city": "Husum",
        "country": "DE",
        "email": "rechnung@nordkessel.example",
        "phone": "+49 30 55501000",
        "website": "https://nordkessel.example",
        "bank_name": "Deichbank Musterstadt",
        "bic": "DEICDE2MXXX",
        "currency": "EUR",
        "time_zone": "Europe/Berlin",
        "language": "de",
        "number_prefix": "RE",
        "credit_note_prefix": "GS",
        "payment_terms_days": 14,
        "footer": "Geschäftsführung: Annika Tiefenbacher. Sitz der Gesellschaft: Husum.",
    },
    "us": {
        "name": "Nordkessel Hosting US LLC",
        "registration_number": "File no. 0000001",
        "tax_id": "00-0000001",
        "street": "410 Rail Spur Lane",
        "postal_code": "79701",
        "city": "Midland",
        "region": "TX",
        "country": "US",
        "email": "billing@us.nordkessel.example",
        "phone": "+1 555 0110",
        "website": "https://us.nordkessel.example",
        "bank_name": "Permian Example Bank",
        "iban": "ABA 123456780 ACCT 000417203",
        "bic": "PEXBUS44",
        "currency": "USD",
        "time_zone": "America/Chicago",
        "language": "en",
        "number_prefix": "INV",
        "credit_note_prefix": "CN",
        "payment_terms_days": 30,
        "footer": "Thank you for mining with us.",
    },
}

# Code: name, category, reason printed without tax, rates as (percent, from year-month-day, to).
TAX_CODES = {
    "DE-19": ("German standard rate", "S", "", (("19", "2007-01-01", "2020-07-01"), ("16", "2020-07-01", "2021-01-01"),
                                                ("19", "2021-01-01", None))),
    "DE-7": ("German reduced rate", "S", "", (("7", "2021-01-01", None),)),
    "DE-RC": ("Reverse charge in the EU", "AE",
              "Steuerschuldnerschaft des Leistungsempfängers / reverse charge (Art. 196, Directive 2006/112/EC)", ()),
    "DE-EXPORT": ("Export of goods", "G", "Steuerfreie Ausfuhrlieferung / export outside the European Union", ()),
    "DE-OUTSIDE": ("Services outside the EU", "O", "Leistungsort im Ausland (§ 3a UStG) / place of supply abroad", ()),
    "US-NONE": ("No sales tax on hosting", "O", "Not subject to sales tax", ()),
}  # fmt: skip
