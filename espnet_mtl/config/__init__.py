"""The one door for every YAML file and option."""
