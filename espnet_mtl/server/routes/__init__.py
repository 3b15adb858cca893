"""The routes of each dialect, and the fields that they take."""
