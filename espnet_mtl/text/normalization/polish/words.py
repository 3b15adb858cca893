"""Words of Polish rules: names of months, abbreviations, units, currencies and signs, with their forms."""

from __future__ import annotations

from typing import NamedTuple

from espnet_mtl.text.normalization.base import listed

DIGITS = listed("zero jeden dwa trzy cztery pięć sześć siedem osiem dziewięć")
MONTHS = listed(
    """
    stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia
    """
)


class Noun(NamedTuple):
    """A noun as it is counted: 1 metr, 2 metry, 5 metrów, pół metra; its gender, and what stands behind it."""

    one: str
    few: str
    many: str
    part: str
    gender: str = "masculine"
    behind: str = ""


def _meter(prefix: str, behind: str = "") -> Noun:
    return Noun(f"{prefix}metr", f"{prefix}metry", f"{prefix}metrów", f"{prefix}metra", behind=behind)


def _regular(stem: str) -> Noun:
    return Noun(stem, f"{stem}y", f"{stem}ów", f"{stem}a")


def _feminine(stem: str, many: str) -> Noun:
    return Noun(f"{stem}a", f"{stem}y", many, f"{stem}y", "feminine")


def _fixed(name: str, gender: str = "masculine") -> Noun:
    return Noun(name, name, name, name, gender)


def _degree(behind: str) -> Noun:
    return Noun("stopień", "stopnie", "stopni", "stopnia", behind=behind)


def _square(prefix: str) -> Noun:
    name = f"{prefix}metr"
    return Noun(f"{name} kwadratowy", f"{name}y kwadratowe", f"{name}ów kwadratowych", f"{name}a kwadratowego")


def _cubic(prefix: str) -> Noun:
    name = f"{prefix}metr"
    return Noun(f"{name} sześcienny", f"{name}y sześcienne", f"{name}ów sześciennych", f"{name}a sześciennego")


HOUR = _feminine("godzin", "godzin")
MINUTE, SECOND = _feminine("minut", "minut"), _feminine("sekund", "sekund")
POINT = Noun("punkt", "punkty", "punktów", "punktu")
UNITS = {
    "pkt": POINT,
    **{"km": _meter("kilo"), "m": _meter(""), "cm": _meter("centy"), "mm": _meter("mili"), "nm": _meter("nano")},
    **{"kg": _regular("kilogram"), "g": _regular("gram"), "dag": _regular("dekagram"), "mg": _regular("miligram")},
    **{"t": _feminine("ton", "ton"), "l": Noun("litr", "litry", "litrów", "litra"), "ha": _regular("hektar")},
    **{"ml": Noun("mililitr", "mililitry", "mililitrów", "mililitra"), "h": HOUR, "godz.": HOUR, "min": MINUTE},
    **{"min.": MINUTE, "s": SECOND, "sek.": SECOND, "km²": _square("kilo"), "m²": _square(""), "cm²": _square("centy")},
    **{"mkw.": _square(""), "m³": _cubic(""), "cm³": _cubic("centy"), "km/h": _meter("kilo", "na godzinę")},
    **{"m/s": _meter("", "na sekundę"), "%": _fixed("procent"), "proc.": _fixed("procent"), "‰": _fixed("promil")},
    **{"°C": _degree("Celsjusza"), "℃": _degree("Celsjusza"), "°F": _degree("Fahrenheita"), "°": _degree("")},
    **{"Hz": Noun("herc", "herce", "herców", "herca"), "kHz": Noun("kiloherc", "kiloherce", "kiloherców", "kiloherca")},
    **{
        "MHz": Noun("megaherc", "megaherce", "megaherców", "megaherca"),
        "W": _regular("wat"),
        "kW": _regular("kilowat"),
    },
    **{"GHz": Noun("gigaherc", "gigaherce", "gigaherców", "gigaherca"), "MW": _regular("megawat")},
    **{"kWh": _feminine("kilowatogodzin", "kilowatogodzin"), "V": _regular("wolt"), "kB": _regular("kilobajt")},
    **{"MB": _regular("megabajt"), "GB": _regular("gigabajt"), "TB": _regular("terabajt")},
    **{"dB": Noun("decybel", "decybele", "decybeli", "decybela"), "kcal": _fixed("kilokalorii", "feminine")},
    **{"m3": _cubic(""), "cm3": _cubic("centy"), "m2": _square(""), "km2": _square("kilo"), "cm2": _square("centy")},
    **{"hPa": Noun("hektopaskal", "hektopaskale", "hektopaskali", "hektopaskala")},
    **{"KM": Noun("koń mechaniczny", "konie mechaniczne", "koni mechanicznych", "konia mechanicznego")},
}
ZLOTY, GROSZ = Noun("złoty", "złote", "złotych", "złotego"), Noun("grosz", "grosze", "groszy", "grosza")
CENT, PENNY = _regular("cent"), _regular("pens")
DOLLAR = Noun("dolar", "dolary", "dolarów", "dolara")
EURO, POUND = _fixed("euro", "neuter"), _regular("funt")
FRANC, RAPPEN = Noun("frank", "franki", "franków", "franka"), Noun("rapp", "rappy", "rappów", "rappa")
CURRENCIES = {
    **{"zł": (ZLOTY, GROSZ), "PLN": (ZLOTY, GROSZ), "€": (EURO, CENT), "EUR": (EURO, CENT), "euro": (EURO, CENT)},
    **{"$": (DOLLAR, CENT), "USD": (DOLLAR, CENT), "£": (POUND, PENNY), "GBP": (POUND, PENNY)},
    **{"CHF": (FRANC, RAPPEN), "gr": (GROSZ, GROSZ), "złotych": (ZLOTY, GROSZ)},
}
MAGNITUDES = {
    **{"tys.": Noun("tysiąc", "tysiące", "tysięcy", "tysiąca"), "tys": Noun("tysiąc", "tysiące", "tysięcy", "tysiąca")},
    **{
        "mln": Noun("milion", "miliony", "milionów", "miliona"),
        "bln": Noun("bilion", "biliony", "bilionów", "biliona"),
    },
    **{"mld": Noun("miliard", "miliardy", "miliardów", "miliarda")},
}
ABBREVIATIONS = {
    **{
        "np.": "na przykład",
        "tzn.": "to znaczy",
        "tj.": "to jest",
        "m.in.": "między innymi",
        "m. in.": "między innymi",
    },
    **{
        "dr": "doktor",
        "dr.": "doktora",
        "prof.": "profesor",
        "mgr": "magister",
        "inż.": "inżynier",
        "hab.": "habilitowany",
    },
    **{"ok.": "około", "tzw.": "tak zwany", "wg": "według", "im.": "imienia", "gen.": "generał", "płk": "pułkownik"},
    **{"lek.": "lekarz", "ks.": "ksiądz", "bp": "biskup", "abp": "arcybiskup", "zob.": "zobacz", "por.": "porównaj"},
    **{"ds.": "do spraw", "ws.": "w sprawie", "pt.": "pod tytułem", "dot.": "dotyczący", "max.": "maksymalnie"},
    **{
        "tel.": "telefon",
        "red.": "redaktor",
        "woj.": "województwo",
        "sp. z o.o.": "spółka z o. o.",
        "ww.": "wyżej wymieniony",
    },
    **{"nr": "numer", "vs.": "wersus", "mec.": "mecenas"},
    **{"p.n.e.": "przed naszą erą", "n.e.": "naszej ery"},
}
"""What stands before something else, so that its full stop ends no sentence."""
ABBREVIATIONS |= {name[0].upper() + name[1:]: said[0].upper() + said[1:] for name, said in ABBREVIATIONS.items()}
AT_THE_END = {
    **{"itd.": "i tak dalej", "itp.": "i tym podobne", "etc.": "et cetera", "br.": "bieżącego roku"},
    **{"bm.": "bieżącego miesiąca", "i in.": "i inni", "n.p.m.": "nad poziomem morza"},
}
"""What may end a sentence: its full stop stays where a new one begins."""
BEFORE_NUMBERS = {
    **{"s.": "strona", "str.": "strona", "pkt": "punkt", "art.": "artykuł", "ust.": "ustęp", "rozdz.": "rozdział"},
    **{
        "t.": "tom",
        "rys.": "rysunek",
        "tab.": "tabela",
        "m.": "mieszkanie",
        "#": "numer",
        "№": "numer",
        "par.": "paragraf",
    },
    **{"§": "paragraf", "~": "około", "≈": "około", "+": "plus", "±": "plus minus", "<": "mniej niż"},
    **{">": "więcej niż", "≤": "najwyżej", "≥": "co najmniej", "√": "pierwiastek z"},
}
SIGNS = {
    **{"&": "i", "×": "razy", "÷": "podzielić przez", "=": "równa się", "≠": "nie równa się", "±": "plus minus"},
    **{"≈": "około", "≤": "najwyżej", "≥": "co najmniej", "∞": "nieskończoność", "√": "pierwiastek z"},
    **{"°": "stopni", "%": "procent", "@": "małpa", "+": "plus", "€": "euro", "$": "dolarów", "£": "funtów"},
    **{"²": "do kwadratu", "³": "do sześcianu", "§": "paragraf", "©": "copyright", "#": "numer", "<": "mniejsze niż"},
    ">": "większe niż",
}
DAYS = {
    **{"pn": "poniedziałku", "pon": "poniedziałku", "wt": "wtorku", "śr": "środy", "czw": "czwartku"},
    **{"pt": "piątku", "sob": "soboty", "niedz": "niedzieli", "nd": "niedzieli"},
}
ADDRESS = {
    **{".": "kropka", "@": "małpa", "/": "ukośnik", "-": "myślnik", "_": "podkreślnik", "?": "znak zapytania"},
    **{"=": "równa się", "&": "i", "#": "krzyżyk", "+": "plus", "%": "procent", ":": "dwukropek", "~": "tylda"},
}
LETTERS = dict(
    pair.split(":")
    for pair in listed(
        """
        a:a b:be c:ce d:de e:e f:ef g:gie h:ha i:i j:jot k:ka l:el m:em n:en o:o p:pe q:ku r:er s:es t:te u:u v:fał
        w:wu x:iks y:igrek z:zet
        """
    )
)
PLACES = {
    **{"ul.": ("ulica", "ulicy"), "al.": ("aleja", "alei"), "pl.": ("plac", "placu"), "os.": ("osiedle", "osiedlu")},
    **{"Al.": ("Aleje", "Alejach"), "Ul.": ("Ulica", "Ulicy")},
}
"""Kinds of streets, in the nominative and behind a preposition."""
GENITIVE = frozenset(
    listed(
        """
        od do około ok bez ciągu wieku dla blisko koło powyżej poniżej oprócz spośród wokół podczas z ze
        """
    )
)
LOCATIVE = frozenset(listed("w we na o po przy"))
HAVING = frozenset(listed("mam masz ma mamy macie mają miał miała mieć widzę widzi kupił kupiła"))
"""What things are had by: of an animal behind them, the accusative is the genitive."""
INSTRUMENTAL = frozenset(listed("przed nad pod za między"))
PERSONS = frozenset(
    listed(
        """
        mężczyzn chłopców panów braci ludzi żołnierzy policjantów uczniów studentów lekarzy pracowników zawodników
        graczy mieszkańców posłów członków uczestników autorów naukowców synów kandydatów piłkarzy pasażerów kierowców
        turystów nauczycieli przyjaciół sąsiadów
        """
    )
)
"""Nouns of men, which numbers stand before in the genitive."""
FEMININE = frozenset(
    listed(
        """
        godziny minuty sekundy osoby kobiety strony rzeczy noce książki córki siostry sztuki bramki części wersje szanse
        gwiazdki drogi ofiary firmy szkoły grupy próby zmiany klasy tony łyżki łyżeczki szklanki złotówki opcje sesje
        stacje partie kopie kategorie wsie powieści płyty doby dawki ręce nogi
        """
    )
)
"""Nouns behind two, three and four."""
COUNTED = "wojn lig lidz klas poło miejs etap tur kwarta rund edycj stop tom rozdzia częś rzecz pięt grup"
"""How nouns begin that roman numerals stand before."""
QUEENS = ("Elżbiet", "Katarzyn", "Mari", "Ann", "Jadwig", "Wiktori", "Krystyn", "Małgorza", "Izabel", "Barbar", "Teres")
FEMININE_LOCATIVE = frozenset(
    listed(
        "klasie rundzie połowie lidze minucie części kolejce edycji fazie serii turze wersji stronie dekadzie godzinie"
        " wojnie generacji setnej dobie grupie próbie płycie linii"
    )
)
