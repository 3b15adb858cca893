"""Listening tests: trials, answers, analysis, and the page that listeners see."""
