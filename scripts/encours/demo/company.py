"""What does not change from one draw to the next: entities, people, words, payment terms."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entity:
    """A legal entity; all its documents are in one currency, so its control account is exact."""

    number: int
    code: str
    name: str
    country: str
    currency: str
    vat_percent: int
    regions: tuple[str, ...]
    countries: tuple[str, ...]
    salespeople: tuple[str, ...]
    collectors: tuple[str, ...]


ENTITIES = (
    Entity(
        0,
        "FR01",
        "Arvelle France SAS",
        "FR",
        "EUR",
        20,
        ("Île-de-France", "Auvergne-Rhône-Alpes", "Nouvelle-Aquitaine", "Hauts-de-France"),
        ("FR",) * 8 + ("BE", "ES"),
        ("V101", "V102", "V103", "V104", "V105"),
        ("R11", "R12", "R13"),
    ),
    Entity(
        1,
        "DE02",
        "Arvelle Deutschland GmbH",
        "DE",
        "EUR",
        19,
        ("Bayern", "Nordrhein-Westfalen", "Baden-Württemberg"),
        ("DE",) * 8 + ("AT", "NL"),
        ("V201", "V202", "V203", "V204"),
        ("R21", "R22"),
    ),
    Entity(
        2,
        "GB03",
        "Arvelle UK Ltd",
        "GB",
        "GBP",
        20,
        ("London", "Midlands", "Scotland"),
        ("GB",) * 9 + ("IE",),
        ("V301", "V302", "V303"),
        ("R31", "R32"),
    ),
)

# Home entity of customers 1 to 10, then again: the largest are spread over the three.
HOMES = (0, 1, 0, 2, 0, 1, 2, 0, 1, 2)

# How customers pay. The first kinds come first in each entity, so that small companies have them.
BEHAVIOURS = (
    "never",
    "very_late",
    "degrading",
    "late",
    "early",
    "on_time",
    "bit_late",
    "on_time",
    "late",
    "bit_late",
    "on_time",
    "early",
    "very_late",
    "degrading",
    "on_time",
    "bit_late",
    "on_time",
    "late",
    "on_time",
    "bit_late",
    "on_time",
    "early",
    "bit_late",
    "on_time",
    "bit_late",
)
# The largest customers, a tenth, never fail: one of them would decide every figure.
LARGE_BEHAVIOURS = ("on_time", "bit_late", "on_time", "late", "bit_late", "early", "on_time")

SEGMENTS = ("Mid market", "Small business", "Public sector", "Distribution", "Export")
KEY_ACCOUNT = "Key account"
BUSINESS_UNITS = ("Equipment", "Services", "Spare parts", "Rental")
FACTORED_UNIT = "Rental"
INDUSTRIES = ("10.71", "25.62", "28.41", "41.20", "46.69", "47.52", "49.41", "62.02", "84.11")

# As written on documents. "45 jours fin de mois" is read in both ways that French law allows.
NET_30 = "30 jours net"
NET_60 = "60 jours net"
NET_90 = "90 jours net"
END_OF_MONTH_30 = "30 jours fin de mois"
END_OF_MONTH_45 = "45 jours fin de mois"
THEN_45 = "fin de mois + 45 jours"

# Out of nineteen customers, and out of twenty; 90 days are beyond the law.
LARGE_TERMS_MIX = (
    (NET_30,) * 7 + (NET_60,) * 4 + (END_OF_MONTH_30,) * 4 + (END_OF_MONTH_45,) * 2 + (THEN_45,) * 2
)
TERMS_MIX = (*LARGE_TERMS_MIX, NET_90)

TRADES = (
    "Ateliers", "Maison", "Comptoir", "Werkstatt", "Atelier", "Forge", "Studio", "Works",
    "Logistique", "Métallerie", "Handel", "Bäckerei", "Supplies", "Constructions", "Hydraulique",
    "Systèmes",
)  # fmt: skip
NAMES = (
    "Aubrac", "Beaulieu", "Cléry", "Dornach", "Estérel", "Fenwick", "Gravelle", "Hölder",
    "Isaure", "Jurançon", "Kerlann", "Lindau", "Malvern", "Nérac", "Orsay", "Pembury",
    "Quercy", "Rhön", "Sologne", "Tamise", "Uzès", "Valmy", "Wexcombe", "Yvoire",
    "Zollern", "Arden", "Brême", "Cévennes", "Dunmore", "Épinal", "Forêt-Noire",
)  # fmt: skip
