"""Words of German rules: names of months, abbreviations, units, currencies, signs, and genders of nouns."""

from __future__ import annotations

from espnet_mtl.text.normalization.base import listed

DIGITS = listed("null eins zwei drei vier fünf sechs sieben acht neun")
MONTHS = listed("Januar Februar März April Mai Juni Juli August September Oktober November Dezember")
SHORT_MONTHS = {
    **{"Jan": 1, "Feb": 2, "Mär": 3, "Mrz": 3, "Apr": 4, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Sept": 9},
    **{"Okt": 10, "Nov": 11, "Dez": 12, "Jänner": 1, "Feber": 2},
}
ABBREVIATIONS = {
    **{"z. B.": "zum Beispiel", "d. h.": "das heißt", "u. a.": "unter anderem", "z. T.": "zum Teil"},
    **{"i. d. R.": "in der Regel", "u. U.": "unter Umständen", "v. a.": "vor allem", "i. A.": "im Auftrag"},
    **{"bzw.": "beziehungsweise", "ca.": "circa", "Dr.": "Doktor", "Prof.": "Professor", "Hr.": "Herr"},
    **{"Fr.": "Frau", "Fa.": "Firma", "Hrn.": "Herrn", "St.": "Sankt", "inkl.": "inklusive", "exkl.": "exklusive"},
    **{"zzgl.": "zuzüglich", "abzgl.": "abzüglich", "ggf.": "gegebenenfalls", "evtl.": "eventuell"},
    **{"vgl.": "vergleiche", "sog.": "sogenannte", "bspw.": "beispielsweise", "insb.": "insbesondere"},
    **{"max.": "maximal", "min.": "minimal", "geb.": "geborene", "Dipl.-Ing.": "Diplomingenieur"},
    **{"Tel.": "Telefon", "lt.": "laut", "gem.": "gemäß", "Mag.": "Magister", "Mt.": "Mount", "z. Zt.": "zurzeit"},
    **{"Nr.": "Nummer", "Abb.": "Abbildung", "bes.": "besonders", "vs.": "versus", "mind.": "mindestens"},
}
"""What stands before something else, so that its full stop ends no sentence."""
for _name in ("vgl.", "ggf.", "evtl.", "inkl.", "ca.", "bspw.", "insb.", "z. B.", "d. h.", "u. a.", "mind.", "lt."):
    ABBREVIATIONS[_name[0].upper() + _name[1:]] = ABBREVIATIONS[_name].capitalize()
AT_THE_END = {
    **{"usw.": "und so weiter", "etc.": "et cetera", "u. Ä.": "und Ähnliches", "o. Ä.": "oder Ähnliches"},
    **{"v. Chr.": "vor Christus", "n. Chr.": "nach Christus", "Jh.": "Jahrhundert", "Jhd.": "Jahrhundert"},
    **{"Str.": "Straße", "MwSt.": "Mehrwertsteuer", "Bhf.": "Bahnhof", "Hbf.": "Hauptbahnhof", "Std.": "Stunden"},
    **{"Mio.": "Millionen", "Mrd.": "Milliarden", "u. v. m.": "und vieles mehr", "s. o.": "siehe oben"},
    **{"s. u.": "siehe unten", "jr.": "junior", "sen.": "senior", "usf.": "und so fort"},
}
"""What may end a sentence: its full stop stays where a new one begins."""
BEFORE_NUMBERS = {
    **{"S.": "Seite", "Abs.": "Absatz", "Art.": "Artikel", "Bd.": "Band", "Kap.": "Kapitel", "Nr": "Nummer"},
    **{"Ziff.": "Ziffer", "Vers.": "Version", "Anm.": "Anmerkung", "Tab.": "Tabelle", "#": "Nummer", "№": "Nummer"},
    **{"§": "Paragraf", "§§": "Paragrafen", "~": "ungefähr", "≈": "ungefähr", "+": "plus", "±": "plus minus"},
    **{"<": "weniger als", ">": "mehr als", "≤": "höchstens", "≥": "mindestens", "√": "Wurzel aus", "∅": "im Schnitt"},
    **{"Ø": "im Schnitt", "Max.": "maximal", "Min.": "minimal"},
}
UNITS = {
    **{"km": ("Kilometer", "Kilometer"), "m": ("Meter", "Meter"), "cm": ("Zentimeter", "Zentimeter")},
    **{"mm": ("Millimeter", "Millimeter"), "nm": ("Nanometer", "Nanometer"), "µm": ("Mikrometer", "Mikrometer")},
    **{"kg": ("Kilogramm", "Kilogramm"), "g": ("Gramm", "Gramm"), "mg": ("Milligramm", "Milligramm")},
    **{"µg": ("Mikrogramm", "Mikrogramm"), "t": ("Tonne", "Tonnen"), "l": ("Liter", "Liter"), "L": ("Liter", "Liter")},
    **{"ml": ("Milliliter", "Milliliter"), "cl": ("Zentiliter", "Zentiliter"), "ha": ("Hektar", "Hektar")},
    **{"h": ("Stunde", "Stunden"), "Std.": ("Stunde", "Stunden"), "min": ("Minute", "Minuten")},
    **{"Min.": ("Minute", "Minuten"), "s": ("Sekunde", "Sekunden"), "Sek.": ("Sekunde", "Sekunden")},
    **{"ms": ("Millisekunde", "Millisekunden"), "km²": ("Quadratkilometer", "Quadratkilometer")},
    **{"m²": ("Quadratmeter", "Quadratmeter"), "qm": ("Quadratmeter", "Quadratmeter")},
    **{"cm²": ("Quadratzentimeter", "Quadratzentimeter"), "m³": ("Kubikmeter", "Kubikmeter")},
    **{"cm³": ("Kubikzentimeter", "Kubikzentimeter"), "km/h": ("Kilometer pro Stunde", "Kilometer pro Stunde")},
    **{"m/s": ("Meter pro Sekunde", "Meter pro Sekunde"), "Hz": ("Hertz", "Hertz"), "kHz": ("Kilohertz", "Kilohertz")},
    **{"MHz": ("Megahertz", "Megahertz"), "GHz": ("Gigahertz", "Gigahertz"), "W": ("Watt", "Watt")},
    **{"kW": ("Kilowatt", "Kilowatt"), "MW": ("Megawatt", "Megawatt"), "GW": ("Gigawatt", "Gigawatt")},
    **{"kWh": ("Kilowattstunde", "Kilowattstunden"), "V": ("Volt", "Volt"), "PS": ("Pferdestärke", "PS")},
    **{"kB": ("Kilobyte", "Kilobyte"), "MB": ("Megabyte", "Megabyte"), "GB": ("Gigabyte", "Gigabyte")},
    **{"TB": ("Terabyte", "Terabyte"), "dB": ("Dezibel", "Dezibel"), "kcal": ("Kilokalorie", "Kilokalorien")},
    **{"hPa": ("Hektopascal", "Hektopascal"), "°C": ("Grad Celsius", "Grad Celsius"), "°": ("Grad", "Grad")},
    **{"°F": ("Grad Fahrenheit", "Grad Fahrenheit"), "℃": ("Grad Celsius", "Grad Celsius")},
    **{"m2": ("Quadratmeter", "Quadratmeter"), "km2": ("Quadratkilometer", "Quadratkilometer")},
    **{"m3": ("Kubikmeter", "Kubikmeter"), "cm2": ("Quadratzentimeter",) * 2, "cm3": ("Kubikzentimeter",) * 2},
    **{"%": ("Prozent", "Prozent"), "‰": ("Promille", "Promille"), "Mbit/s": ("Megabit pro Sekunde",) * 2},
}
CURRENCIES = {
    **{"€": ("Euro", "Cent"), "EUR": ("Euro", "Cent"), "Euro": ("Euro", "Cent"), "$": ("Dollar", "Cent")},
    **{"US$": ("US-Dollar", "Cent"), "USD": ("US-Dollar", "Cent"), "£": ("Pfund", "Pence"), "GBP": ("Pfund", "Pence")},
    **{"CHF": ("Franken", "Rappen"), "¥": ("Yen", "Sen"), "zł": ("Zloty", "Groszy")},
    **{"PLN": ("Zloty", "Groszy"), "DM": ("Mark", "Pfennig"), "ct": ("Cent", ""), "Ct.": ("Cent", "")},
}
MAGNITUDES = {
    **{"Mio.": ("Million", "Millionen"), "Mio": ("Million", "Millionen"), "Mrd.": ("Milliarde", "Milliarden")},
    **{"Mrd": ("Milliarde", "Milliarden"), "Tsd.": ("tausend", "tausend"), "Million": ("Million", "Millionen")},
    **{"Millionen": ("Million", "Millionen"), "Milliarden": ("Milliarde", "Milliarden")},
    **{"Milliarde": ("Milliarde", "Milliarden"), "Billionen": ("Billion", "Billionen")},
}
SIGNS = {
    **{"&": "und", "×": "mal", "÷": "geteilt durch", "=": "gleich", "≠": "ungleich", "±": "plus minus"},
    **{"≈": "ungefähr", "≤": "höchstens", "≥": "mindestens", "∞": "unendlich", "√": "Wurzel aus", "°": "Grad"},
    **{"%": "Prozent", "@": "at", "+": "plus", "€": "Euro", "$": "Dollar", "£": "Pfund", "²": "hoch zwei"},
    **{"³": "hoch drei", "§": "Paragraf", "©": "Copyright", "#": "Raute", "<": "kleiner als", ">": "größer als"},
}
DAYS = {
    **{"Mo": "Montag", "Di": "Dienstag", "Mi": "Mittwoch", "Do": "Donnerstag", "Fr": "Freitag", "Sa": "Samstag"},
    "So": "Sonntag",
}
ADDRESS = {
    **{".": "Punkt", "@": "at", "/": "Schrägstrich", "-": "Minus", "_": "Unterstrich", "?": "Fragezeichen"},
    **{"=": "gleich", "&": "und", "#": "Raute", "+": "plus", "%": "Prozent", ":": "Doppelpunkt", "~": "Tilde"},
}
FEMININE = frozenset(
    listed(
        """
        Etage Liga Nacht Frau Person Hand Stadt Bundesliga Macht Wahl Welt Zeit Fahrt Halbzeit Mark Tonne Stunde Minute
        Sekunde Uhr Tür Kammer Schwester Tochter Mutter Nummer Regel Tafel Million Milliarde Tasse
        """
    )
)
FEMININE_ENDINGS = ("ung", "heit", "keit", "schaft", "tion", "sion", "tät", "ik", "enz", "anz", "ie", "e", "in")
MASCULINE = frozenset(
    listed(
        """
        Weltkrieg Platz Stock Tag Teil Band Akt Satz Rang Spieltag Bezirk Advent Geburtstag Versuch Preis Sieg Schritt
        Punkt Grad Monat Mann Sohn Bruder Brief Abschnitt Artikel Absatz Gang Lauf Korb Wahlgang Kreuzzug Januar Liter
        FC Meter Kilometer Euro Name Affe Junge Löwe Hase Zeuge Kollege Kunde
        """
    )
) | frozenset(MONTHS)
NEUTER = frozenset(
    listed(
        """
        Mal Jahr Kind Buch Kapitel Tor Quartal Semester Jahrhundert Jahrtausend Jahrzehnt Stockwerk Obergeschoss Spiel
        Drittel Viertel Haus Bild Jh Jhd Halbjahr Lebensjahr Gebot Rad Bein Auge Ohr Glas Kilogramm Gramm Kilo Pfund
        Zimmer Bier Ende Viertelfinale Halbfinale Finale
        """
    )
)
NEUTER_ENDINGS = ("chen", "lein", "jahr", "jahrhundert", "geschoss")
RULERS = frozenset(
    listed(
        """
        Ludwig Karl Friedrich Heinrich Otto Wilhelm Paul Johannes Benedikt Leo Pius Franz Joseph Josef Ferdinand Rudolf
        Maximilian Philipp Georg Eduard Jakob Richard Gustav Alexander Nikolaus Peter Iwan Napoleon Konrad Leopold
        August Albrecht Albert Clemens Gregor Innozenz Urban Sigismund Wenzel Christian Ernst Ramses Charles Henry
        Juan Carlos Felipe Harald Franziskus
        """
    )
)
QUEENS = frozenset(listed("Elisabeth Elizabeth Katharina Maria Margarete Margrethe Christina Isabella Anna"))
NUMBERED = frozenset(listed("Kapitel Teil Band Akt Szene Stufe Klasse Typ Phase Artikel Abschnitt Buch Anhang Tabelle"))
DATIVE = frozenset(listed("von mit bei zu nach unter seit gegenüber aus"))
ACCUSATIVE = frozenset(listed("für gegen ohne durch um"))
PREPOSITIONS = DATIVE | frozenset(listed("in an auf vor hinter über neben zwischen während wegen ab"))
TO_N = frozenset(listed("am im zum vom beim dem den des zur diesem diesen jedem jeden jenem"))
"""Words before an ordinal that ends in -n."""
TO_E = frozenset(listed("die das diese dieser dieses jede jeder jedes eine keine meine deine seine ihre unsere alle"))
MIXED = frozenset(listed("ein kein mein dein sein ihr unser"))
YEAR_AFTER = frozenset(
    listed("jahr jahre jahren seit von bis ab nach vor sommer herbst winter frühjahr frühling ende anfang mitte um")
) | frozenset(month.lower() for month in MONTHS)
NUMBERED_BY = frozenset(listed("nr nummer zimmer seite gleis raum artikel paragraf"))
"""Words before numbers that are no years."""
BEGINNINGS = frozenset(
    listed(
        """
        Die Diese Eine Keine Meine Deine Seine Ihre Unsere Alle Viele Einige Wie Sie Heute Morgen Ende Gerade Danke
        Bitte Welche Jede Darin Worin Beide Mehrere Ohne Im Bis Beim Ein Sein
        """
    )
)
"""Words that begin sentences and end as nouns do."""
