"""Sound files and samples: WAV, sampling rates, loudness, music on hold."""
