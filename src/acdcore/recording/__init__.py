"""Recordings: files, names, index, retention and the thread that writes."""
