"""Commands of the recipe, one for each of its stages."""
