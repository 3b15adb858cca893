"""Whole sets of utterances: stage 6, and the durations of a teacher."""
