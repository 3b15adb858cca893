"""One thin command per stage of the recipe."""
