"""From written forms to said ones: numbers, dates, money, units, addresses and abbreviations as words."""
