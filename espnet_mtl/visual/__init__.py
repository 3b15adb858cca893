"""Faces as a source of speaking style: reading pictures and video, finding the face, and what is extracted of it."""
