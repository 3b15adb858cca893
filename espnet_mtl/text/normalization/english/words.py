"""Words of English rules: names of months, abbreviations, units, currencies and signs."""

from __future__ import annotations

from espnet_mtl.text.normalization.base import listed

DIGITS = listed("zero one two three four five six seven eight nine")
MONTHS = listed(
    """
        January February March April May June July August September October November December
        """
)
SHORT_MONTHS = {
    **{"Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Sept": 9},
    **{"Oct": 10, "Nov": 11, "Dec": 12},
}
ABBREVIATIONS = {
    **{"Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miz", "Dr.": "Doctor", "Prof.": "Professor", "Rev.": "Reverend"},
    **{"Sen.": "Senator", "Gov.": "Governor", "Gen.": "General", "Col.": "Colonel", "Lt.": "Lieutenant"},
    **{"Sgt.": "Sergeant", "Capt.": "Captain", "Hon.": "Honorable", "Messrs.": "Messers", "Fr.": "Father"},
    **{
        "e.g.": "for example",
        "i.e.": "that is",
        "E.g.": "For example",
        "I.e.": "That is",
        "vs.": "versus",
        "approx.": "approximately",
        "cf.": "compare",
    },
    **{"et al.": "et al", "dept.": "department", "Dept.": "Department", "est.": "established", "viz.": "namely"},
    **{
        "Mt.": "Mount",
        "Ft.": "Fort",
        "Ave.": "Avenue",
        "Blvd.": "Boulevard",
        "Rd.": "Road",
        "w/o": "without",
        "Mon.": "Monday",
        "Tue.": "Tuesday",
    },
    **{"Wed.": "Wednesday", "Thu.": "Thursday", "Fri.": "Friday"},
}
"""What stands before something else, so that its full stop ends no sentence."""
AT_THE_END = {
    **{"etc.": "et cetera", "Inc.": "Incorporated", "Ltd.": "Limited", "Corp.": "Corporation", "Co.": "Company"},
    **{"Jr.": "Junior", "Sr.": "Senior", "Bros.": "Brothers"},
}
"""What may end a sentence: its full stop stays where a new one begins."""
BEFORE_NUMBERS = {
    **{"No.": "number", "no.": "number", "Nos.": "numbers", "nos.": "numbers", "p.": "page", "pp.": "pages"},
    **{"Vol.": "volume", "vol.": "volume", "Ch.": "chapter", "ch.": "chapter", "Fig.": "figure", "fig.": "figure"},
    **{"Sec.": "section", "sec.": "section", "Art.": "article", "Eq.": "equation", "eq.": "equation", "№": "number"},
    **{"ca.": "circa", "c.": "circa", "#": "number", "§": "section", "§§": "sections", "~": "about", "≈": "about"},
    **{"St.": "Saint", "+": "plus", "±": "plus or minus", "<": "less than", ">": "more than", "≤": "at most"},
    **{
        "≥": "at least",
        "√": "the square root of",
        "pg.": "page",
        "ext.": "extension",
        "Apt.": "apartment",
        "Rm.": "room",
    },
}
UNITS = {
    **{"km": ("kilometer", "kilometers"), "m": ("meter", "meters"), "cm": ("centimeter", "centimeters")},
    **{"mm": ("millimeter", "millimeters"), "nm": ("nanometer", "nanometers"), "µm": ("micrometer", "micrometers")},
    **{"mi": ("mile", "miles"), "ft": ("foot", "feet"), "yd": ("yard", "yards"), "in.": ("inch", "inches")},
    **{"kg": ("kilogram", "kilograms"), "g": ("gram", "grams"), "mg": ("milligram", "milligrams")},
    **{"µg": ("microgram", "micrograms"), "lb": ("pound", "pounds"), "lbs": ("pound", "pounds")},
    **{"oz": ("ounce", "ounces"), "l": ("liter", "liters"), "L": ("liter", "liters"), "ml": ("milliliter",) * 2},
    **{"mL": ("milliliter", "milliliters"), "cl": ("centiliter", "centiliters"), "ha": ("hectare", "hectares")},
    **{"h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "min": ("minute", "minutes")},
    **{"mins": ("minute", "minutes"), "s": ("second", "seconds"), "sec": ("second", "seconds")},
    **{"ms": ("millisecond", "milliseconds"), "km²": ("square kilometer", "square kilometers")},
    **{"m²": ("square meter", "square meters"), "sq ft": ("square foot", "square feet")},
    **{"m2": ("square meter", "square meters"), "km2": ("square kilometer", "square kilometers")},
    **{"m3": ("cubic meter", "cubic meters"), "cm3": ("cubic centimeter", "cubic centimeters")},
    **{"cm2": ("square centimeter", "square centimeters"), "sq. ft.": ("square foot", "square feet")},
    **{"tsp": ("teaspoon", "teaspoons"), "tbsp": ("tablespoon", "tablespoons")},
    **{"cm²": ("square centimeter", "square centimeters"), "sq mi": ("square mile", "square miles")},
    **{"m³": ("cubic meter", "cubic meters"), "cm³": ("cubic centimeter", "cubic centimeters")},
    **{"km/h": ("kilometer per hour", "kilometers per hour"), "kph": ("kilometer per hour", "kilometers per hour")},
    **{"m/s": ("meter per second", "meters per second"), "mph": ("mile per hour", "miles per hour")},
    **{"Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"), "MHz": ("megahertz", "megahertz")},
    **{"GHz": ("gigahertz", "gigahertz"), "W": ("watt", "watts"), "kW": ("kilowatt", "kilowatts")},
    **{"MW": ("megawatt", "megawatts"), "GW": ("gigawatt", "gigawatts"), "kWh": ("kilowatt hour", "kilowatt hours")},
    **{"V": ("volt", "volts"), "kB": ("kilobyte", "kilobytes"), "KB": ("kilobyte", "kilobytes")},
    **{"MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes")},
    **{"Mbps": ("megabit per second", "megabits per second"), "dB": ("decibel", "decibels")},
    **{"kcal": ("kilocalorie", "kilocalories"), "hPa": ("hectopascal", "hectopascals"), "px": ("pixel", "pixels")},
    **{"°C": ("degree Celsius", "degrees Celsius"), "°F": ("degree Fahrenheit", "degrees Fahrenheit")},
    **{"℃": ("degree Celsius", "degrees Celsius"), "℉": ("degree Fahrenheit", "degrees Fahrenheit")},
    **{
        "°": ("degree", "degrees"),
        "%": ("percent", "percent"),
        "‰": ("per mille", "per mille"),
        "¢": ("cent", "cents"),
    },
}
UNITS["ml"] = UNITS["mL"]
CURRENCIES = {
    **{"$": ("dollar", "dollars", "cent", "cents"), "US$": ("dollar", "dollars", "cent", "cents")},
    **{"£": ("pound", "pounds", "penny", "pence"), "€": ("euro", "euros", "cent", "cents")},
    **{"¥": ("yen", "yen", "sen", "sen"), "₹": ("rupee", "rupees", "paisa", "paise")},
    **{"USD": ("dollar", "dollars", "cent", "cents"), "EUR": ("euro", "euros", "cent", "cents")},
    **{"GBP": ("pound", "pounds", "penny", "pence"), "PLN": ("zloty", "zlotys", "grosz", "groszy")},
    **{"CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"), "JPY": ("yen", "yen", "sen", "sen")},
    **{
        "zł": ("zloty", "zlotys", "grosz", "groszy"),
        "A$": ("Australian dollar", "Australian dollars", "cent", "cents"),
    },
    **{"C$": ("Canadian dollar", "Canadian dollars", "cent", "cents"), "₿": ("bitcoin", "bitcoins", "bit", "bits")},
}
MAGNITUDES = {
    **{"k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "bn": "billion"},
    **{"B": "billion", "tn": "trillion", "thousand": "thousand", "million": "million", "billion": "billion"},
    "trillion": "trillion",
}
SIGNS = {
    **{"&": "and", "×": "times", "÷": "divided by", "=": "equals", "≠": "is not equal to", "±": "plus or minus"},
    **{"≈": "is about", "≤": "is at most", "≥": "is at least", "∞": "infinity", "√": "the square root of"},
    **{"°": "degrees", "%": "percent", "@": "at", "+": "plus", "€": "euros", "$": "dollars", "£": "pounds"},
    **{"²": "squared", "³": "cubed", "§": "section", "©": "copyright", "#": "hash", "<": "is less than"},
    ">": "is more than",
}
DAYS = {
    **{"Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday"},
    **{"Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday"},
}
ADDRESS = {
    **{".": "dot", "@": "at", "/": "slash", "-": "dash", "_": "underscore", "?": "question mark", "=": "equals"},
    **{"&": "and", "#": "hash", "+": "plus", "%": "percent", ":": "colon", "~": "tilde"},
}
NUMBERED = frozenset(
    listed(
        """
        war part chapter act scene volume book vol section article type phase stage class level mark grade title round
        bowl appendix table figure lesson unit step world apollo rocky episode season generation division
        """
    )
)
"""Nouns before roman numerals that count them: chapter four."""
RULERS = frozenset(
    listed(
        """
        henry george edward william charles james richard elizabeth mary john louis philip napoleon frederick wilhelm
        alexander nicholas peter catherine ivan leo pius benedict gregory clement innocent urban paul francis ferdinand
        joseph leopold otto rudolf maximilian christian gustav carl haakon harald olav alfonso felipe juan carlos victor
        emmanuel umberto robert david ramses ramesses thutmose amenhotep cleopatra ptolemy darius xerxes mehmed
        murad selim sixtus boniface adrian julius alfred stephen kenneth constantine theodosius sigismund
        """
    )
)
TITLES = frozenset(listed("king queen pope emperor tsar czar kaiser prince sultan"))
YEAR_AFTER = frozenset(
    listed(
        """
        in since of year by until till from before after during between early late mid around circa spring summer autumn
        fall winter and to the copyright about the
        """
    )
) | frozenset(month.lower() for month in MONTHS)
COUNTED_AFTER = frozenset(listed("over about nearly almost than some least most exactly around only approximately"))
COUNT_NOUNS = frozenset(listed("people men women children feet percent dollars euros pounds of more other"))
BILLIONS_OF = COUNT_NOUNS | frozenset(
    listed("users views downloads parameters tokens years barrels followers customers tons devices streams shares")
)
"""What is counted in billions: 2B users."""
NOT_COUNTED = frozenset(
    listed(
        """
        was is has does this its as us his yes thus perhaps always plus versus across besides unless towards
        """
    )
)
NOTES = frozenset(listed("bill note coin fine fee ticket deal prize check cheque reward discount gift"))
AFTER_AMOUNTS = frozenset(
    listed(
        """
        of in on at to from by for with and or is was are were per than away apart each every more less before after ago
        below above that which who as if when while until because but so then now
        """
    )
)
"""What may follow an amount that no noun follows."""
