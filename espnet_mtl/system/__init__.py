"""Files, processes, devices, sockets, progress, logs: what knows nothing of speech."""
